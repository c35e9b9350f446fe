//! When a batch closes: a pure policy, and the bounded queue around it.
