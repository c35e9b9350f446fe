//! Progress bars: on standard error, and only where that is a terminal.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::units;

/// A bar over `total` things, with its rate and the time left.
pub(super) fn bar(total: u64, unit: &str) -> ProgressBar {
    let template =
        format!("{{bar:32}} {{human_pos}} / {{human_len}} {unit}  {{rate}}  {{eta}} left  {{msg}}");
    let bar = ProgressBar::new(total);
    // A template that does not parse leaves indicatif's own style, which serves as well.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            // Writing into the bar's own text does not fail.
            let _ = write!(out, "{}/s", units::rate(state.per_sec()));
        }));
    }
    bar
}
