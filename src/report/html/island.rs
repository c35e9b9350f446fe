//! What the page's script reads: results.csv itself, and beside it what a row of it cannot hold.

use serde_json::{Map, Value, json};

use super::charts::{self, Group, Scales, short};
use super::page::Parts;
use crate::measure::Recorder;
use crate::record::{Advice, CellRecord, RunRecord, StageClock, Verdict};
use crate::report::waterfall::{bottleneck, waterfall};
use crate::report::{csv, sizing, words};

/// Curves that are compared, at most: as many as there are colours.
const COMPARED: usize = 6;

/// The data of the page:
/// - `csv`: results.csv; its rows are the cells in their order, then the skipped ones;
/// - `plots`: the plots over all cells, by name;
/// - `cells`: by cell, what its details show beyond its row: `names`, `curves` (microseconds at the
///   steps of [`Recorder::curve`]), `at`, `rates` and `steady` of its rounds, `bars` of its
///   waterfall, the lengths of its `reasons`, which its row holds in one text, and its
///   bottleneck; `job`: the stages around all cells;
/// - `groups`: the cells of each panel; `best`: the cell recommended; `compare`: the cells whose
///   percentile curves are held against each other;
/// - `advice`: the answer to a sizing question, if there is one.
pub(super) fn island(run: &RunRecord, advice: Option<&Advice>, parts: &Parts<'_>) -> Value {
    let best = parts.best();
    let mut compare: Vec<usize> = best.iter().map(|(place, _)| *place).collect();
    let fastest = parts.groups.iter().filter_map(|group| Some(group.place(group.fastest()?)));
    compare.extend(fastest.filter(|place| Some(*place) != best.map(|(best, _)| best)));
    compare.truncate(COMPARED);
    json!({
        "csv": csv::cells(run),
        "plots": plots(run, parts, best.map(|(_, record)| record)),
        "cells": cells(run),
        "job": job(run),
        "groups": parts.groups.iter().map(Group::places).collect::<Vec<_>>(),
        "best": best.map(|(place, _)| place),
        "compare": compare,
        "advice": advice.map(sizing::ways),
    })
}

fn plots(run: &RunRecord, parts: &Parts<'_>, best: Option<&CellRecord>) -> Map<String, Value> {
    let (groups, scales): (&[Group<'_>], &Scales) = (&parts.groups, &parts.scales);
    let best = best.map(|record| &record.cell);
    let mut plots = Map::new();
    for (place, group) in groups.iter().enumerate() {
        plots.insert(format!("throughput-{place}"), charts::throughput(group, scales));
        plots.insert(format!("latency-{place}"), charts::latency(group, scales));
        plots.insert(format!("heat-{place}"), charts::heat(group, scales, best));
    }
    for (place, pair) in parts.pairs.iter().enumerate() {
        plots.insert(format!("versus-{place}"), charts::versus(pair, scales));
    }
    for (place, curve) in parts.curves.iter().enumerate() {
        plots.insert(format!("scaling-{place}"), charts::scaling(curve));
    }
    plots.insert("own-cost".into(), charts::own_cost(run, groups, scales));
    plots.values_mut().for_each(lighten);
    plots
}

/// Leaves out of a plot what the script fills in from results.csv: the figures of traces that know
/// their cells. It halves the data of a large run, and no figure is there twice.
fn lighten(plot: &mut Value) {
    let Some(traces) = plot["data"].as_array_mut() else { return };
    for trace in traces {
        let known = trace["customdata"].as_array().is_some_and(|cells| !cells.is_empty());
        let Some(trace) = trace.as_object_mut().filter(|_| known) else { continue };
        for figures in ["y", "z", "text"] {
            // The rows of a heat map are batches, which are no figures.
            if figures != "y" || !trace.contains_key("z") {
                trace.remove(figures);
            }
        }
        if let Some(interval) = trace.get_mut("error_y").and_then(Value::as_object_mut) {
            interval.remove("array");
            interval.remove("arrayminus");
        }
    }
}

/// The stages of a job, by name: nanoseconds an object, their median and their 99th percentile.
fn job(run: &RunRecord) -> Value {
    let Some(first) = run.cells.first() else { return Value::Null };
    let bars = waterfall(run, first).into_iter().filter(|bar| bar.of_run);
    let bars = bars.map(|bar| {
        let figures = json!([bar.ns_per_image, bar.batch.p50_ns, bar.batch.p99_ns]);
        (bar.name.to_owned(), figures)
    });
    bars.collect()
}

fn cells(run: &RunRecord) -> Value {
    fn each(run: &RunRecord, of: impl Fn(&CellRecord) -> Value) -> Vec<Value> {
        run.cells.iter().map(of).collect()
    }
    let rounds = |of: fn(&crate::record::Round) -> Value| {
        each(run, |record| record.rounds.iter().map(of).collect())
    };
    json!({
        "names": each(run, |record| words::cell(&record.cell).into()),
        "curves": each(run, curve),
        "at": rounds(|round| round.at_s.round().into()),
        "rates": rounds(|round| whole(round.throughput_images_per_s).into()),
        "steady": rounds(|round| u8::from(round.steady).into()),
        "bars": each(run, |record| bars(run, record)),
        "reasons": each(run, |record| match &record.verdict {
            Verdict::Valid => json!([]),
            Verdict::Invalid(reasons) => reasons.iter().map(|text| units(text)).collect(),
        }),
        "bottlenecks": each(run, |record| bottleneck(run, record).into()),
    })
}

/// A rate without its fraction, where its digits are many.
fn whole(rate: f64) -> f64 {
    if rate < 1_000.0 { short(rate) } else { rate.round() }
}

/// The length of a text as scripts count it.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Microseconds at rising quantiles; none where the record's histogram cannot be read, as that of a
/// record made by hand.
fn curve(record: &CellRecord) -> Value {
    let recorder = Recorder::try_from(record.latency_histogram.clone());
    let points = recorder.map_or_else(|_| Vec::new(), |recorder| recorder.curve());
    // Three digits, as a histogram keeps.
    let us = |ns: u64| format!("{:.2e}", ns as f64 / 1e3).parse::<f64>().unwrap_or_default();
    points.into_iter().map(|(_, ns)| Value::from(us(ns))).collect()
}

/// Each stage as a list of what is read: name, share of its ceiling, that ceiling, and whether a
/// device timed it and whether it is of the whole run. Its times are in results.csv, or in `job`.
fn bars(run: &RunRecord, record: &CellRecord) -> Value {
    let unknown = || words::UNKNOWN.to_owned();
    let bars = waterfall(run, record).into_iter().map(|bar| {
        json!([
            bar.name,
            bar.share_of_ceiling.map_or_else(unknown, words::percent),
            bar.ceiling.unwrap_or_else(unknown),
            u8::from(bar.clock == StageClock::Device),
            u8::from(bar.of_run),
        ])
    });
    bars.collect()
}
