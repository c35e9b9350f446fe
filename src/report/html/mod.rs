//! `report.html`: one file that opens from the disk, needs no network, and answers first.
//!
//! The template escapes every value. The only unescaped parts are our own style and script, and the
//! data of the plots as JSON whose `<`, `>` and `&` are written as `\u003c`, `\u003e` and `\u0026`,
//! so that no name can end the element that holds it. Plotly's script travels packed (4.6 MB become
//! 1.9) and is unpacked by the reader's browser; without scripts the page still has its table.

mod charts;
mod grid;
mod pack;
mod page;
mod script;
mod view;

#[cfg(test)]
mod browser;

pub use self::page::render;
