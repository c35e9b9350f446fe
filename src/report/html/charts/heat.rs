//! The heat map: workers across, batches upwards.

use plotly::common::{HoverInfo, Mode, Title};
use plotly::layout::{Axis, AxisRange, AxisType, Margin, Shape, ShapeLine, ShapeType};
use plotly::{HeatMap, Layout, Plot, Scatter};
use serde_json::Value;

use super::{Group, Scales, Workers, is_invalid, json, short};
use crate::record::Cell;

/// Throughput as colour and figure, workers across, batches upwards. `best` is framed.
pub(in crate::report::html) fn heat(
    group: &Group<'_>,
    scales: &Scales,
    best: Option<&Cell>,
) -> Value {
    let columns: Vec<String> = scales.workers.iter().map(|workers| scales.name(*workers)).collect();
    let rows: Vec<String> = scales.batches.iter().map(ToString::to_string).collect();
    let (mut z, mut places) = (Vec::new(), Vec::new());
    let (mut figures, mut remarks) = (Labels::default(), Labels::default());
    let mut frame = None;
    for (y, batch) in scales.batches.iter().enumerate() {
        let (mut row, mut places_in_row) = (Vec::new(), Vec::new());
        for (x, workers) in scales.workers.iter().enumerate() {
            let here = |cell: &Cell| Workers::of(cell) == *workers && cell.batch == *batch;
            let record = group.cells.iter().find(|record| here(&record.cell));
            let valid = record.filter(|record| !is_invalid(record));
            row.push(valid.map(|record| short(record.throughput_images_per_s)));
            places_in_row.push(record.map(|record| group.place(record)));
            let skipped = || group.skipped.iter().any(|cell| here(cell));
            match (record, valid) {
                (_, Some(record)) => {
                    figures.put(&columns[x], &rows[y], label(record.throughput_images_per_s));
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
        places.push(places_in_row);
    }
    let tiles = HeatMap::new(columns, rows, z)
        .zmin(0.0)
        .zmax(scales.top_throughput)
        .show_scale(false)
        .hover_info(HoverInfo::None)
        .x_gap(2.0)
        .y_gap(2.0);
    // Said outright, for tiles without a figure do not count when plotly looks for the ends.
    let category = |count: usize| {
        let ends = AxisRange::new(-0.5, count as f64 - 0.5);
        Axis::new().type_(AxisType::Category).range(ends).fixed_range(true).show_grid(false)
    };
    let mut layout = Layout::new()
        .margin(Margin::new().left(52).right(8).top(8).bottom(34))
        .x_axis(category(scales.workers.len()))
        .y_axis(category(scales.batches.len()).title(Title::with_text("batch")));
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
    let mut plot = json(&plot);
    plot["data"][0]["customdata"] = serde_json::json!(places);
    plot
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

/// Three digits: "912", "56.9k", "1.23M".
fn label(rate: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::html::charts::{groups, scales};

    #[test]
    fn the_heat_map_shows_no_figure_that_may_not_be_used() {
        let run = fixture::run();
        let groups = groups(&run);
        let best = &run.cells[27].cell;
        let spec = heat(&groups[0], &scales(&groups), Some(best));
        let z = |batch: usize, instances: usize| &spec["data"][0]["z"][batch][instances];
        assert_eq!(*z(0, 2), Value::Null);
        assert_eq!(*z(7, 2), run.cells[27].throughput_images_per_s);
        let places = &spec["data"][0]["customdata"];
        assert_eq!((&places[7][2], &places[9][2]), (&27.into(), &Value::Null), "skipped");
        let texts = |trace: usize| spec["data"][trace]["text"].as_array().unwrap();
        assert_eq!(texts(1).len(), 27);
        assert_eq!(*texts(2), ["invalid", "invalid", "skipped"]);
        assert_eq!(spec["layout"]["shapes"][0]["x0"], 1.5);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(
            [0.5, 912.4, 999.9, 56_912.0, 1_234_567.0].map(label),
            ["0.50", "912", "1.00k", "56.9k", "1.23M"]
        );
    }
}
