//! The JSONPath that SageMaker's data processing understands, and no more.
//!
//! | written | selects |
//! | --- | --- |
//! | `$` | the whole; every path begins with it |
//! | `.name` | a member |
//! | `['a']`, `['a','b']`, also `.['a','b']` | a member, or an object of several |
//! | `[0]`, `[0,-1]` | an element, or several; -1 is the last |
//! | `[1:4]`, `[:4]`, `[1:]` | a slice, **its end included** |
//! | `[0,5:]` | elements and slices, mixed |
//! | `.*`, `[*]` | every member or element |
//!
//! Steps follow one another: `$.predictions[0].label`. A path has at most 63 characters.
//!
//! What a path gives has one shape for all records. A path that can only name one place gives the
//! value there; several names at its end give an object of them; everything else gives an array,
//! however many there are. What is named must be there, or the record is refused, except below a
//! `*`, which passes over what lacks it.
//!
//! # Where the documentation contradicts itself
//! - **Slices.** The developer guide calls them inclusive, three times over: "`$[1:4]` specifies
//!   the second through fifth columns", "`[:5]` ... through the sixth column". The library that it
//!   links, JsonPath, leaves the end out. Here the end is included: the guide is what people read,
//!   and a column too many is seen where a column too few is not. Bounds outside the width are
//!   refused rather than cut to it, so that a slice written with the other rule in mind, such as
//!   `$[0:4]` for four columns, is found at the first record.
//! - **Several names.** The guide does not say what `$['id','SageMakerOutput']` looks like. Here it
//!   is an object of the two, as in JsonPath; AWS's own readers of such outputs look members up by
//!   name.
//! - **`$[0,5:]`**, an example of the API reference, mixes an index and a slice, which the guide's
//!   table of operators does not have. It is supported.
//! - **Nested children within brackets**, as in `['child.grandchild']`, are refused, as the guide
//!   has it; so a member with a dot in its name cannot be reached.

mod apply;
mod element;
mod parse;
mod path;
#[cfg(test)]
mod tests;

pub(super) use self::path::Step;
pub use self::path::{JsonPath, MAX_CHARACTERS};
