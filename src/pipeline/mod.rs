//! Threads, queues and instances: the layers below, wired into a running engine.
