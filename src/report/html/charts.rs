//! The plots, as plotly's JSON. Colours are left to the page, which knows light from dark: a
//! line's place in the palette travels in its `meta`.

use plotly::common::{
    Anchor, DashType, ErrorData, ErrorType, HoverInfo, Line, Marker, MarkerSymbol, Mode,
    Orientation, Title,
};
use plotly::layout::{
    Axis, AxisRange, AxisType, HoverMode, Legend, Margin, Shape, ShapeLine, ShapeType,
};
use plotly::{HeatMap, Layout, Plot, Scatter};
use serde_json::Value;

use crate::record::{Cell, CellRecord, RunRecord, Verdict};
use crate::report::words;
use crate::units::{Nanos, rate};

/// Shapes tell lines apart where colours do not: in print and to the colour-blind.
const SYMBOLS: [MarkerSymbol; 6] = [
    MarkerSymbol::Circle,
    MarkerSymbol::Square,
    MarkerSymbol::Diamond,
    MarkerSymbol::TriangleUp,
    MarkerSymbol::TriangleDown,
    MarkerSymbol::Cross,
];

/// Cells that differ only in instances and batch: one panel of each kind of plot.
pub(super) struct Group<'a> {
    /// What they have in common: "torch on cpu, 1 thread an instance".
    pub(super) name: String,
    /// The same for a legend, where there is little room: "torch on cpu".
    short: String,
    cells: Vec<&'a CellRecord>,
    skipped: Vec<&'a Cell>,
}

/// The panels of a run, in the order of the grid.
pub(super) fn groups(run: &RunRecord) -> Vec<Group<'_>> {
    fn at<'g, 'a>(groups: &'g mut Vec<Group<'a>>, cell: &Cell) -> &'g mut Group<'a> {
        let threads = words::counted(cell.threads, "thread");
        let name = format!("{}, {threads} an instance", words::group(cell));
        let place = groups.iter().position(|group| group.name == name).unwrap_or(groups.len());
        if place == groups.len() {
            let short = match cell.threads {
                1 => words::group(cell),
                _ => format!("{}, {threads}", words::group(cell)),
            };
            groups.push(Group { name, short, cells: vec![], skipped: vec![] });
        }
        &mut groups[place]
    }
    let mut groups = Vec::new();
    for record in &run.cells {
        at(&mut groups, &record.cell).cells.push(record);
    }
    for (cell, _) in &run.skipped {
        at(&mut groups, cell).skipped.push(cell);
    }
    groups
}

/// What all panels of a run share, so that they compare.
pub(super) struct Scales {
    batches: Vec<usize>,
    instances: Vec<usize>,
    top_throughput: f64,
    latency_ms: (f64, f64),
}

/// The common scales of all groups.
pub(super) fn scales(groups: &[Group<'_>]) -> Scales {
    let cells = || groups.iter().flat_map(|group| &group.cells);
    let every = || cells().map(|r| &r.cell).chain(groups.iter().flat_map(|g| g.skipped.clone()));
    let top = |record: &&CellRecord| record.throughput_images_per_s.max(record.throughput_ci95.1);
    let spans = cells().flat_map(|r| [r.latency.p50_ns, r.latency.p99_ns]).flatten().map(ms);
    Scales {
        batches: distinct(every().map(|cell| cell.batch)),
        instances: distinct(every().map(|cell| cell.instances)),
        top_throughput: cells().map(top).fold(0.0, f64::max),
        latency_ms: extremes(spans),
    }
}

/// Throughput over batch size, one line an instance count, with intervals.
pub(super) fn throughput(group: &Group<'_>, scales: &Scales) -> Value {
    let mut plot = Plot::new();
    for (series, instances, cells) in lines(group, scales) {
        let medians: Vec<f64> = cells.iter().map(|r| r.throughput_images_per_s).collect();
        let above = cells.iter().map(|r| r.throughput_ci95.1 - r.throughput_images_per_s);
        let below = cells.iter().map(|r| r.throughput_images_per_s - r.throughput_ci95.0);
        let interval = ErrorData::new(ErrorType::Data)
            .symmetric(false)
            .array(above.collect())
            .array_minus(below.collect())
            .thickness(1.2)
            .width(3);
        let told = cells.iter().map(|record| {
            let interval = words::plus_minus(record).unwrap_or_default();
            format!("{} images/s {interval}", rate(record.throughput_images_per_s))
        });
        plot.add_trace(
            line(series, &name(instances), &cells, medians)
                .error_y(interval)
                .text_array(told.collect()),
        );
    }
    let invalid: Vec<_> = group.cells.iter().copied().filter(is_invalid).collect();
    if !invalid.is_empty() {
        let medians = invalid.iter().map(|r| r.throughput_images_per_s).collect();
        plot.add_trace(rings(&invalid, medians));
    }
    let top = scales.top_throughput * 1.08;
    let y = Axis::new().title(Title::with_text("images/s")).range(AxisRange::new(0.0, top));
    plot.set_layout(over_batch(scales, y));
    json(&plot)
}

/// Time of a batch over batch size, median and 99th percentile, one pair of lines an instance
/// count.
pub(super) fn latency(group: &Group<'_>, scales: &Scales) -> Value {
    type Percentile = fn(&CellRecord) -> Option<u64>;
    let percentiles: [(&str, DashType, Percentile); 2] = [
        ("p50", DashType::Solid, |r| r.latency.p50_ns),
        ("p99", DashType::Dot, |r| r.latency.p99_ns),
    ];
    let mut plot = Plot::new();
    for (series, instances, cells) in lines(group, scales) {
        for (percentile, dash, of) in &percentiles {
            let known: Vec<_> = cells.iter().copied().filter(|r| of(r).is_some()).collect();
            let spans: Vec<u64> = known.iter().copied().filter_map(*of).collect();
            let told = spans.iter().map(|span| format!("{percentile} {}", Nanos(*span)));
            let told = told.collect();
            let trace = line(series, &name(instances), &known, spans.into_iter().map(ms).collect())
                .line(Line::new().dash(dash.clone()).width(2.0))
                .legend_group(name(instances))
                .show_legend(*percentile == "p50")
                .text_array(told);
            plot.add_trace(trace);
        }
    }
    let y = logarithmic("ms a batch", scales.latency_ms);
    plot.set_layout(over_batch(scales, y));
    json(&plot)
}

/// Throughput as colour and figure, instances across, batches upwards. `best` is framed.
pub(super) fn heat(group: &Group<'_>, scales: &Scales, best: Option<&Cell>) -> Value {
    let columns: Vec<String> =
        scales.instances.iter().map(|n| words::counted(*n, "instance")).collect();
    let rows: Vec<String> = scales.batches.iter().map(ToString::to_string).collect();
    let mut z = Vec::new();
    let (mut figures, mut remarks) = (Labels::default(), Labels::default());
    let mut frame = None;
    for (y, batch) in scales.batches.iter().enumerate() {
        let mut row = Vec::new();
        for (x, instances) in scales.instances.iter().enumerate() {
            let here = |cell: &Cell| cell.instances == *instances && cell.batch == *batch;
            let record = group.cells.iter().find(|record| here(&record.cell));
            let valid = record.filter(|record| !is_invalid(record));
            row.push(valid.map(|record| record.throughput_images_per_s));
            let skipped = || group.skipped.iter().any(|cell| here(cell));
            match (record, valid) {
                (_, Some(record)) => {
                    figures.put(&columns[x], &rows[y], short(record.throughput_images_per_s));
                }
                (Some(_), None) => remarks.put(&columns[x], &rows[y], "invalid".into()),
                (None, _) if skipped() => remarks.put(&columns[x], &rows[y], "skipped".into()),
                (None, _) => {}
            }
            if record.is_some_and(|record| Some(&record.cell) == best) {
                frame = Some((x as f64, y as f64));
            }
        }
        z.push(row);
    }
    let tiles = HeatMap::new(columns, rows, z)
        .zmin(0.0)
        .zmax(scales.top_throughput)
        .show_scale(false)
        .hover_info(HoverInfo::Skip)
        .x_gap(2.0)
        .y_gap(2.0);
    let category = || Axis::new().type_(AxisType::Category).fixed_range(true).show_grid(false);
    let mut layout = Layout::new()
        .margin(Margin::new().left(52).right(8).top(8).bottom(34))
        .x_axis(category())
        .y_axis(category().title(Title::with_text("batch")));
    if let Some((x, y)) = frame {
        let frame = Shape::new()
            .shape_type(ShapeType::Rect)
            .x0(x - 0.5)
            .x1(x + 0.5)
            .y0(y - 0.5)
            .y1(y + 0.5)
            .line(ShapeLine::new().width(3.0));
        layout = layout.shapes(vec![frame]);
    }
    let mut plot = Plot::new();
    plot.add_trace(tiles);
    plot.add_trace(figures.trace("figure"));
    plot.add_trace(remarks.trace("remark"));
    plot.set_layout(layout);
    json(&plot)
}

/// Texts laid over the tiles of a heat map.
#[derive(Default)]
struct Labels {
    x: Vec<String>,
    y: Vec<String>,
    text: Vec<String>,
}

impl Labels {
    fn put(&mut self, x: &str, y: &str, text: String) {
        self.x.push(x.into());
        self.y.push(y.into());
        self.text.push(text);
    }

    fn trace(self, kind: &str) -> Box<Scatter<String, String>> {
        Scatter::new(self.x, self.y)
            .mode(Mode::Text)
            .text_array(self.text)
            .hover_info(HoverInfo::Skip)
            .show_legend(false)
            .meta(kind)
    }
}

/// What the harness alone costs an image, beside what an image took one instance in each group's
/// cells of fewest instances.
pub(super) fn own_cost(run: &RunRecord, groups: &[Group<'_>], scales: &Scales) -> Value {
    let told = |us: &[f64]| us.iter().map(|us| Nanos((us * 1e3) as u64).to_string()).collect();
    let mut plot = Plot::new();
    let (batches, costs): (Vec<f64>, Vec<f64>) =
        run.own_cost_ns_per_image.iter().map(|(batch, cost)| (*batch as f64, cost / 1e3)).unzip();
    let mut ends = extremes(costs.iter().copied());
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
        let Some((_, instances, cells)) = lines(group, scales).into_iter().next() else { continue };
        let took: Vec<f64> = cells.iter().map(|record| image_ns(record) / 1e3).collect();
        let (low, high) = extremes(took.iter().copied());
        ends = (ends.0.min(low), ends.1.max(high));
        let title = format!("{}, {}", group.short, name(instances));
        let text = told(&took);
        plot.add_trace(line(place + 1, &escaped(&title), &cells, took).text_array(text));
    }
    let y = logarithmic("us an image", ends);
    plot.set_layout(over_batch(scales, y));
    json(&plot)
}

/// Nanoseconds that an image takes one instance of a cell.
pub(super) fn image_ns(record: &CellRecord) -> f64 {
    record.cell.instances as f64 / record.throughput_images_per_s * 1e9
}

/// The lines of a group: place in the palette, instances, and cells by rising batch.
fn lines<'a>(group: &Group<'a>, scales: &Scales) -> Vec<(usize, usize, Vec<&'a CellRecord>)> {
    let of = |instances: usize| {
        let mut cells: Vec<_> = group.cells.iter().copied().collect();
        cells.retain(|record| record.cell.instances == instances);
        cells.sort_by_key(|record| record.cell.batch);
        cells
    };
    let all = scales.instances.iter().enumerate();
    let lines = all.map(|(series, instances)| (series, *instances, of(*instances)));
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

/// A layout with batches, doubling, along its x axis.
fn over_batch(scales: &Scales, y: Axis) -> Layout {
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

/// The least and the greatest of some values; infinity and zero where there are none.
fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), value| (low.min(value), high.max(value)))
}

/// A logarithmic axis with room around its values.
fn logarithmic(title: &str, (low, high): (f64, f64)) -> Axis {
    let axis = Axis::new().title(Title::with_text(title)).type_(AxisType::Log);
    if !(low > 0.0 && low <= high && high.is_finite()) {
        return axis;
    }
    let axis = axis.range(AxisRange::new((low * 0.8).log10(), (high * 1.25).log10()));
    // Decades alone read best, where there are enough of them.
    if high >= low * 100.0 { axis.dtick(1.0) } else { axis }
}

fn json(plot: &Plot) -> Value {
    // Plotly's types are plain data: numbers, texts and lists of them.
    serde_json::to_value(plot).unwrap_or_default()
}

fn is_invalid(record: &&CellRecord) -> bool {
    record.verdict != Verdict::Valid
}

fn name(instances: usize) -> String {
    words::counted(instances, "instance")
}

fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

fn distinct(values: impl Iterator<Item = usize>) -> Vec<usize> {
    values.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Three digits: "912", "56.9k", "1.23M".
fn short(rate: f64) -> String {
    let (value, unit) = match rate {
        r if r >= 999_500.0 => (r / 1e6, "M"),
        r if r >= 999.5 => (r / 1e3, "k"),
        r => (r, ""),
    };
    let decimals = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}{unit}")
}

/// Plotly reads a little HTML in its texts; ours has none.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_line_has_its_cells_by_rising_batch() {
        let run = fixture::run();
        let groups = groups(&run);
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(
            names,
            ["torch on cpu, 1 thread an instance", "native on cpu, 1 thread an instance"]
        );
        let spec = throughput(&groups[0], &scales(&groups));
        let traces = spec["data"].as_array().unwrap();
        let names: Vec<_> = traces.iter().map(|trace| trace["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["1 instance", "2 instances", "4 instances", "invalid"]);
        assert_eq!(traces[0]["x"].as_array().unwrap().len(), 10);
        assert_eq!(traces[2]["x"].as_array().unwrap().len(), 9, "batch 512 was skipped");
        assert_eq!(traces[0]["y"][7], run.cells[7].throughput_images_per_s);
    }

    #[test]
    fn a_percentile_of_too_few_samples_is_no_point() {
        let run = fixture::run();
        let groups = groups(&run);
        let spec = latency(&groups[0], &scales(&groups));
        let points = |place: usize| spec["data"][place]["y"].as_array().unwrap().len();
        assert_eq!((points(0), points(1)), (10, 9));
    }

    #[test]
    fn the_heat_map_shows_no_figure_that_may_not_be_used() {
        let run = fixture::run();
        let groups = groups(&run);
        let best = &run.cells[27].cell;
        let spec = heat(&groups[0], &scales(&groups), Some(best));
        let z = |batch: usize, instances: usize| &spec["data"][0]["z"][batch][instances];
        assert_eq!(*z(0, 2), Value::Null);
        assert_eq!(*z(7, 2), run.cells[27].throughput_images_per_s);
        let texts = |trace: usize| spec["data"][trace]["text"].as_array().unwrap();
        assert_eq!(texts(1).len(), 27);
        assert_eq!(*texts(2), ["invalid", "invalid", "skipped"]);
        assert_eq!(spec["layout"]["shapes"][0]["x0"], 1.5);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(
            [0.5, 912.4, 999.9, 56_912.0, 1_234_567.0].map(short),
            ["0.50", "912", "1.00k", "56.9k", "1.23M"]
        );
    }
}
