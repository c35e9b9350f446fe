//! Throughput over worker counts, beside the fitted law and the ideal line.

use plotly::common::{DashType, HoverInfo, Line, Marker, Mode, Title};
use plotly::layout::{Axis, AxisRange};
use plotly::{Plot, Scatter};
use serde_json::Value;

use super::axes::{SYMBOLS, interval, with_axes};
use super::{json, short};
use crate::report::scaling::{Over, Scaling};
use crate::report::words;
use crate::units::rate;

/// Points of the fitted curve.
const STEPS: u32 = 60;

/// One curve: what was measured with its intervals, the fitted law as far as half again as many
/// workers, and what as many workers would reach if each were worth the first.
pub(in crate::report::html) fn scaling(curve: &Scaling) -> Value {
    let workers = || curve.points.iter().map(|point| point.workers as f64);
    let last = workers().fold(1.0, f64::max);
    let top = curve.points.iter().map(|point| point.ci95.1).fold(0.0, f64::max);
    let told = curve.points.iter().map(|point| {
        let efficiency = words::percent(point.efficiency);
        format!("{} images/s, efficiency {efficiency}", rate(point.throughput))
    });
    let mut plot = Plot::new();
    plot.add_trace(
        Scatter::new(
            workers().collect(),
            curve.points.iter().map(|point| short(point.throughput)).collect(),
        )
        .name("measured")
        .mode(Mode::Markers)
        .marker(Marker::new().symbol(SYMBOLS[0].clone()).size(9))
        .error_y(interval(curve.points.iter().map(|point| (point.throughput, point.ci95))))
        .hover_template("%{text}<extra>%{fullData.name}</extra>")
        .text_array(told.collect())
        .meta(0_u64),
    );
    if let Some(fit) = &curve.fit {
        let end = last * 1.5;
        let at = (0..=STEPS).map(|step| 1.0 + (end - 1.0) * f64::from(step) / f64::from(STEPS));
        let (x, y) = at.map(|n| (short(n), short(fit.throughput(n)))).unzip();
        plot.add_trace(ruled(x, y, "fitted law", DashType::Solid, 0));
    }
    if let Some(one) = curve.points.first().map(|point| point.throughput / point.workers as f64) {
        let ideal = vec![one, one * last];
        plot.add_trace(ruled(vec![1.0, last], ideal, "ideal", DashType::Dot, 1));
    }
    let x = Axis::new()
        .title(Title::with_text(over(curve.over)))
        .tick_values(workers().collect())
        .zero_line(false);
    // The ideal line may leave the top: what was measured is what is looked at.
    let y = Axis::new()
        .title(Title::with_text("images/s"))
        .range(AxisRange::new(0.0, if top > 0.0 { top * 1.3 } else { 1.0 }));
    plot.set_layout(with_axes(x, y));
    json(&plot)
}

/// What the workers of a curve are.
pub(in crate::report::html) fn over(over: Over) -> &'static str {
    match over {
        Over::Instances => "instances",
        Over::Threads => "threads",
    }
}

fn ruled(
    x: Vec<f64>,
    y: Vec<f64>,
    name: &str,
    dash: DashType,
    series: u64,
) -> Box<Scatter<f64, f64>> {
    Scatter::new(x, y)
        .name(name)
        .mode(Mode::Lines)
        .line(Line::new().dash(dash).width(1.8))
        .hover_info(HoverInfo::Skip)
        .meta(series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Interval, Usl};
    use crate::report::scaling::{Over, Point};

    #[test]
    fn a_fit_goes_through_its_points_and_beyond_them() {
        let interval = |median| Interval { median, low: median, high: median };
        let fit = Usl {
            lambda: interval(1_000.0),
            sigma: interval(0.1),
            kappa: interval(0.0),
            peak_workers: None,
        };
        let point = |workers: usize| {
            let throughput = fit.throughput(workers as f64);
            let efficiency = throughput / workers as f64 / 1_000.0;
            Point { workers, throughput, ci95: (throughput - 9.0, throughput + 9.0), efficiency }
        };
        let curve = Scaling {
            name: "native on cpu, batch 128, 1 thread".into(),
            over: Over::Instances,
            points: vec![point(1), point(2), point(4)],
            fit: Some(fit),
            sentence: String::new(),
        };
        let spec = scaling(&curve);
        let names: Vec<_> = (0..3).map(|n| spec["data"][n]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["measured", "fitted law", "ideal"]);
        assert_eq!(spec["data"][1]["y"][0], 1_000.0);
        assert_eq!(spec["data"][1]["x"][60], 6.0);
        assert_eq!(spec["data"][2]["y"][1], 4_000.0);
        assert_eq!(spec["data"][0]["error_y"]["array"][2], 9.0);
    }
}
