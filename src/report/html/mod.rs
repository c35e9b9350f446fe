//! `report.html`: one file that opens from the disk, needs no network, and answers first.
//!
//! The template escapes every value. The only unescaped parts are our own style and loader, and
//! three packed texts whose characters cannot end the element that holds them: the data of the plots,
//! with results.csv among them; our own script; and plotly's (4.6 MB become 1.65). The reader's
//! browser unpacks them; without scripts the page still has its answer and its table.
//!
//! The script lies in `js/`, one idea a file, and is put together in `page.rs`:
//!
//! | file | what |
//! | --- | --- |
//! | `unpack.js` | reads what `pack.rs` wrote; the one that stands in the page as it is |
//! | `figures.js` | results.csv as rows, and figures in Plimsoll's words |
//! | `table.js` | sorting, opening a row, copying |
//! | `plots.js` | drawing: colours, axes, what was chosen, a press on a point |
//! | `cell-plots.js` | percentile curve, stages and rounds of a cell |
//! | `cell.js` | one cell close up |
//! | `filter.js` | backends and devices that are shown |
//! | `main.js` | the plot of it all |
//! | `sizing.js` | what a job or a service costs, reckoned again; no page in it |
//! | `sizing-page.js` | the sizing section: what is asked, the tables, the job |
//! | `sizing-plots.js` | its plots |
//!
//! The last three, `sizing.html` and `sizing.css` are in a page that has a sizing answer alone.

mod charts;
mod grid;
mod island;
mod pack;
mod page;
mod script;
mod sections;
mod sizing;
mod view;

#[cfg(test)]
mod browser;
#[cfg(test)]
mod large;
#[cfg(test)]
mod sizing_browser;

pub use self::page::render;
pub(super) use self::view::command;
