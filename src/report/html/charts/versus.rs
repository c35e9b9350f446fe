//! Speed-up over batch size, one group of cells against another.

use plotly::common::{DashType, HoverInfo, Line, Marker, Mode};
use plotly::layout::{Shape, ShapeLine, ShapeType};
use plotly::{Plot, Scatter};
use serde_json::Value;

use super::axes::{SYMBOLS, interval, logarithmic, over_batch};
use super::{Scales, extremes, json, short};
use crate::report::html::view::times;
use crate::report::versus::Versus;

/// How many times as fast at each batch size, with the interval; a line at 1 is where both are
/// equally fast, and an upright one is where it wins from.
pub(in crate::report::html) fn versus(pair: &Versus, scales: &Scales) -> Value {
    let batches = || pair.by_batch.iter().map(|(batch, _)| *batch as f64);
    let ratios = || pair.by_batch.iter().map(|(_, ratio)| ratio);
    let mut plot = Plot::new();
    plot.add_trace(
        Scatter::new(batches().collect(), ratios().map(|ratio| short(ratio.median)).collect())
            .name("speed-up")
            .mode(Mode::LinesMarkers)
            .line(Line::new().width(2.0))
            .marker(Marker::new().symbol(SYMBOLS[0].clone()).size(7))
            .error_y(interval(ratios().map(|ratio| (ratio.median, (ratio.low, ratio.high)))))
            .hover_template("%{text}<extra></extra>")
            .text_array(ratios().map(times).collect())
            .meta(0_u64),
    );
    let ends: Vec<f64> = batches().take(1).chain(batches().next_back()).collect();
    plot.add_trace(
        Scatter::new(ends.clone(), vec![1.0; ends.len()])
            .name("equally fast")
            .mode(Mode::Lines)
            .line(Line::new().dash(DashType::Dash).width(1.8))
            .hover_info(HoverInfo::Skip)
            .meta(1_u64),
    );
    // Twice as fast and half as fast are equally far from 1.
    let y = logarithmic("times as fast", extremes(ratios().flat_map(|r| [r.low, r.high, 1.0])));
    let mut layout = over_batch(scales, y);
    if let Some(batch) = pair.wins_from {
        let from = Shape::new()
            .shape_type(ShapeType::Line)
            .y_ref("paper")
            .x0(batch)
            .x1(batch)
            .y0(0)
            .y1(1)
            .line(ShapeLine::new().width(1.5).dash(DashType::Dot));
        layout = layout.shapes(vec![from]);
    }
    plot.set_layout(layout);
    json(&plot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Interval;
    use crate::report::fixture;
    use crate::report::html::charts::{groups, scales};

    #[test]
    fn every_batch_has_its_ratio_and_its_interval() {
        let run = fixture::run();
        let ratio = |median| Interval { median, low: median - 0.1, high: median + 0.2 };
        let pair = Versus {
            base: "native on cpu".into(),
            cuda: "torch on cuda:0".into(),
            by_batch: vec![(1, ratio(0.5)), (64, ratio(7.5))],
            doubtful: vec![],
            wins_from: Some(64),
            price_ratio: None,
            sentence: String::new(),
        };
        let spec = versus(&pair, &scales(&groups(&run)));
        assert_eq!(spec["data"][0]["y"], serde_json::json!([0.5, 7.5]));
        assert_eq!(spec["data"][0]["error_y"]["arrayminus"][1], 0.1);
        assert_eq!(spec["data"][0]["text"][1], "7.50 times (7.40 to 7.70)");
        assert_eq!(spec["layout"]["yaxis"]["type"], "log");
        assert_eq!(spec["layout"]["shapes"][0]["x0"], 64);
        assert_eq!(spec["data"][1]["x"], serde_json::json!([1.0, 64.0]));
    }
}
