//! Where objects are read from and outputs are written to.
