//! Figures in words.
