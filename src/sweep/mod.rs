//! The sweep: every cell of a grid, measured in shuffled rounds.
