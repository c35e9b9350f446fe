//! The batch-transform job: objects in, one output object for each.
