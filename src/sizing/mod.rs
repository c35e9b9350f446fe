//! Which machine type, how many of them, and which batch size: from measured results and a
//! catalogue of machine types to an answer with its error bar.

pub mod simulate;
