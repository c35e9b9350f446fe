//! Axes and layouts that the plots share.

use plotly::Layout;
use plotly::common::{Anchor, ErrorData, ErrorType, MarkerSymbol, Orientation, Title};
use plotly::layout::{Axis, AxisRange, AxisType, HoverMode, Legend, Margin};

use super::{Scales, short};

/// Shapes tell lines apart where colours do not: in print and to the colour-blind.
pub(super) const SYMBOLS: [MarkerSymbol; 6] = [
    MarkerSymbol::Circle,
    MarkerSymbol::Square,
    MarkerSymbol::Diamond,
    MarkerSymbol::TriangleUp,
    MarkerSymbol::TriangleDown,
    MarkerSymbol::Cross,
];

/// Bars from values up to the upper and down to the lower ends of their intervals, given as
/// (value, (lower, upper)).
pub(super) fn interval(of: impl Iterator<Item = (f64, (f64, f64))> + Clone) -> ErrorData {
    ErrorData::new(ErrorType::Data)
        .symmetric(false)
        .array(of.clone().map(|(value, ends)| short(ends.1 - value)).collect())
        .array_minus(of.map(|(value, ends)| short(value - ends.0)).collect())
        .thickness(1.2)
        .width(3)
}

/// A layout with batches, doubling, along its x axis.
pub(super) fn over_batch(scales: &Scales, y: Axis) -> Layout {
    let batches: Vec<f64> = scales.batches.iter().map(|batch| *batch as f64).collect();
    let ends = batches.first().zip(batches.last()).map(|(low, high)| (low / 1.25, high * 1.25));
    let mut x = Axis::new()
        .type_(AxisType::Log)
        .title(Title::with_text("batch"))
        .tick_text(scales.batches.iter().map(ToString::to_string).collect())
        .tick_values(batches)
        .zero_line(false);
    if let Some((low, high)) = ends {
        x = x.range(AxisRange::new(low.log10(), high.log10()));
    }
    with_axes(x, y)
}

/// A layout with two axes, a legend above, and one label for all values at a place.
pub(super) fn with_axes(x: Axis, y: Axis) -> Layout {
    let above = Legend::new()
        .orientation(Orientation::Horizontal)
        .x(0.0)
        .x_anchor(Anchor::Left)
        .y(1.02)
        .y_anchor(Anchor::Bottom);
    Layout::new()
        .margin(Margin::new().left(58).right(12).top(28).bottom(44))
        .hover_mode(HoverMode::XUnified)
        .legend(above)
        .show_legend(true)
        .x_axis(x)
        .y_axis(y.zero_line(false))
}

/// A logarithmic axis with room around its values.
pub(super) fn logarithmic(title: &str, (low, high): (f64, f64)) -> Axis {
    let axis = Axis::new().title(Title::with_text(title)).type_(AxisType::Log);
    if !(low > 0.0 && low <= high && high.is_finite()) {
        return axis;
    }
    let (low, high) = (low * 0.8, high * 1.25);
    // Decades alone read best, where there are enough of them.
    let steps: &[f64] = if high >= low * 100.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let ticks = decades.flat_map(|decade| steps.iter().map(move |step| (decade, step)));
    let ticks: Vec<f64> = ticks
        .map(|(decade, step)| step * 10f64.powi(decade))
        .filter(|tick| (low..=high).contains(tick))
        .collect();
    let texts = ticks.iter().map(|tick| tick_text(*tick)).collect();
    axis.range(AxisRange::new(low.log10(), high.log10())).tick_values(ticks).tick_text(texts)
}

/// A tick that is 1, 2 or 5 times a power of ten, without the noise of binary fractions.
fn tick_text(tick: f64) -> String {
    let decimals = (-tick.log10()).ceil().clamp(0.0, 9.0) as usize;
    format!("{tick:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_decades_or_finer_and_read_plainly() {
        let texts = |ends| {
            let axis = serde_json::to_value(logarithmic("ms", ends)).unwrap();
            let texts = axis["ticktext"].as_array().unwrap().iter();
            texts.map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts((0.06, 48.0)), ["0.1", "1", "10"]);
        assert_eq!(texts((0.04, 0.6)), ["0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(texts((3.0, 30.0)), ["5", "10", "20"]);
    }
}
