//! A job or a service played through event by event, driven by measured times.
