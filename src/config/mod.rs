//! Configuration: the TOML of a sweep, checked, and what overrides it.
