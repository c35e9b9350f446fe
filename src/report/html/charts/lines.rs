//! Lines over batch size: throughput, latency, and the harness's own cost.

use plotly::common::{DashType, HoverInfo, Line, Marker, MarkerSymbol, Mode, Title};
use plotly::layout::{Axis, AxisRange};
use plotly::{Plot, Scatter};
use serde_json::Value;

use super::axes::{SYMBOLS, interval, logarithmic, over_batch};
use super::{Group, Scales, Workers, extremes, image_ns, is_invalid, json, ms, short};
use crate::record::{CellRecord, RunRecord};
use crate::report::words;
use crate::units::{Nanos, rate};

/// Throughput over batch size, one line an instance count, with intervals.
pub(in crate::report::html) fn throughput(group: &Group<'_>, scales: &Scales) -> Value {
    let mut plot = Plot::new();
    let mut places = Vec::new();
    for (series, name, cells) in lines(group, scales) {
        places.push(cells.iter().map(|record| group.place(record)).collect());
        let medians = cells.iter().map(|r| short(r.throughput_images_per_s)).collect();
        let interval =
            interval(cells.iter().map(|r| (r.throughput_images_per_s, r.throughput_ci95)));
        let told = cells.iter().map(|record| {
            let interval = words::plus_minus(record).unwrap_or_default();
            format!("{} images/s {interval}", rate(record.throughput_images_per_s))
        });
        plot.add_trace(
            line(series, &name, &cells, medians).error_y(interval).text_array(told.collect()),
        );
    }
    let invalid: Vec<_> = group.cells.iter().copied().filter(is_invalid).collect();
    if !invalid.is_empty() {
        let medians = invalid.iter().map(|r| short(r.throughput_images_per_s)).collect();
        plot.add_trace(rings(&invalid, medians));
    }
    let top = scales.top_throughput * 1.08;
    let y = Axis::new().title(Title::with_text("images/s")).range(AxisRange::new(0.0, top));
    plot.set_layout(over_batch(scales, y));
    placed(json(&plot), places)
}

/// Time of a batch over batch size, median and 99th percentile, one pair of lines an instance
/// count.
pub(in crate::report::html) fn latency(group: &Group<'_>, scales: &Scales) -> Value {
    type Percentile = fn(&CellRecord) -> Option<u64>;
    let percentiles: [(&str, DashType, Percentile); 2] = [
        ("p50", DashType::Solid, |r| r.latency.p50_ns),
        ("p99", DashType::Dot, |r| r.latency.p99_ns),
    ];
    let mut plot = Plot::new();
    let mut places = Vec::new();
    for (series, name, cells) in lines(group, scales) {
        for (percentile, dash, of) in &percentiles {
            let known: Vec<_> = cells.iter().copied().filter(|r| of(r).is_some()).collect();
            places.push(known.iter().map(|record| group.place(record)).collect());
            let spans: Vec<u64> = known.iter().copied().filter_map(*of).collect();
            let told = spans.iter().map(|span| format!("{percentile} {}", Nanos(*span)));
            let told = told.collect();
            let trace = line(series, &name, &known, spans.into_iter().map(ms).collect())
                .line(Line::new().dash(dash.clone()).width(2.0))
                .legend_group(name.as_str())
                .show_legend(*percentile == "p50")
                .text_array(told);
            plot.add_trace(trace);
        }
    }
    let y = logarithmic("ms a batch", scales.latency_ms);
    plot.set_layout(over_batch(scales, y));
    placed(json(&plot), places)
}

/// What the harness alone costs an image, beside what an image took one instance in each group's
/// cells of fewest instances.
pub(in crate::report::html) fn own_cost(
    run: &RunRecord,
    groups: &[Group<'_>],
    scales: &Scales,
) -> Value {
    let told = |us: &[f64]| us.iter().map(|us| Nanos((us * 1e3) as u64).to_string()).collect();
    let mut plot = Plot::new();
    let (batches, costs): (Vec<f64>, Vec<f64>) =
        run.own_cost_ns_per_image.iter().map(|(batch, cost)| (*batch as f64, cost / 1e3)).unzip();
    let mut ends = extremes(costs.iter().copied());
    let mut places = vec![vec![]];
    let text = told(&costs);
    plot.add_trace(
        Scatter::new(batches, costs)
            .name("harness alone")
            .mode(Mode::LinesMarkers)
            .line(Line::new().dash(DashType::Dash).width(2.0))
            .marker(Marker::new().symbol(SYMBOLS[0].clone()).size(6))
            .hover_template("%{text}<extra>%{fullData.name}</extra>")
            .text_array(text)
            .meta(0_u64),
    );
    for (place, group) in groups.iter().enumerate() {
        let Some((_, name, cells)) = lines(group, scales).into_iter().next() else { continue };
        let took: Vec<f64> = cells.iter().map(|record| short(image_ns(record) / 1e3)).collect();
        places.push(cells.iter().map(|record| group.place(record)).collect());
        let (low, high) = extremes(took.iter().copied());
        ends = (ends.0.min(low), ends.1.max(high));
        let title = format!("{}, {name}", group.name);
        let text = told(&took);
        plot.add_trace(line(place + 1, &escaped(&title), &cells, took).text_array(text));
    }
    let y = logarithmic("us an image", ends);
    plot.set_layout(over_batch(scales, y));
    placed(json(&plot), places)
}

/// A plot whose traces know the places of their cells in the run.
fn placed(mut plot: Value, places: Vec<Vec<usize>>) -> Value {
    for (trace, places) in places.into_iter().enumerate() {
        plot["data"][trace]["customdata"] = places.into();
    }
    plot
}

/// The lines of a group: place in the palette, name, and cells by rising batch.
fn lines<'a>(group: &Group<'a>, scales: &Scales) -> Vec<(usize, String, Vec<&'a CellRecord>)> {
    let lines = scales.workers.iter().enumerate().map(|(series, workers)| {
        let mut cells = group.cells.clone();
        cells.retain(|record| Workers::of(&record.cell) == *workers);
        cells.sort_by_key(|record| record.cell.batch);
        (series, scales.name(*workers), cells)
    });
    lines.filter(|(_, _, cells)| !cells.is_empty()).collect()
}

fn line(series: usize, name: &str, cells: &[&CellRecord], y: Vec<f64>) -> Box<Scatter<f64, f64>> {
    let batches = cells.iter().map(|record| record.cell.batch as f64).collect();
    Scatter::new(batches, y)
        .name(name)
        .mode(Mode::LinesMarkers)
        .line(Line::new().width(2.0))
        .marker(Marker::new().symbol(SYMBOLS[series % SYMBOLS.len()].clone()).size(7))
        .hover_template("%{text}<extra>%{fullData.name}</extra>")
        .meta(series as u64)
}

/// Rings around the cells whose figures may not be used.
fn rings(cells: &[&CellRecord], y: Vec<f64>) -> Box<Scatter<f64, f64>> {
    let batches = cells.iter().map(|record| record.cell.batch as f64).collect();
    Scatter::new(batches, y)
        .name("invalid")
        .mode(Mode::Markers)
        .marker(
            Marker::new().symbol(MarkerSymbol::CircleOpen).size(15).line(Line::new().width(2.0)),
        )
        .hover_info(HoverInfo::Skip)
        .meta("invalid")
}

/// Plotly reads a little HTML in its texts; ours has none.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::html::charts::{groups, scales};

    #[test]
    fn every_line_has_its_cells_by_rising_batch() {
        let run = fixture::run();
        let groups = groups(&run);
        let spec = throughput(&groups[0], &scales(&groups));
        let traces = spec["data"].as_array().unwrap();
        let names: Vec<_> = traces.iter().map(|trace| trace["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["1 instance", "2 instances", "4 instances", "invalid"]);
        assert_eq!(traces[0]["x"].as_array().unwrap().len(), 10);
        assert_eq!(traces[2]["x"].as_array().unwrap().len(), 9, "batch 512 was skipped");
        assert_eq!(traces[0]["y"][7], run.cells[7].throughput_images_per_s);
        assert_eq!(traces[1]["customdata"][2], 12, "the place of its cell in the run");
    }

    #[test]
    fn a_percentile_of_too_few_samples_is_no_point() {
        let run = fixture::run();
        let groups = groups(&run);
        let spec = latency(&groups[0], &scales(&groups));
        let points = |place: usize| spec["data"][place]["y"].as_array().unwrap().len();
        assert_eq!((points(0), points(1)), (10, 9));
    }
}
