//! What the page's script reads: results.csv itself, and beside it what a row of it cannot hold.

use serde_json::{Map, Value, json};

use super::charts::{self, Group, Scales, short};
use super::page::Parts;
use crate::measure::Recorder;
use crate::record::{CellRecord, RunRecord, StageClock, Verdict};
use crate::report::waterfall::{bottleneck, waterfall};
use crate::report::{csv, words};

/// Curves that are compared, at most: as many as there are colours.
const COMPARED: usize = 6;

/// The data of the page:
/// - `csv`: results.csv; its rows are the cells in their order, then the skipped ones;
/// - `plots`: the plots over all cells, by name;
/// - `cells`: by cell, what its details show beyond its row: `names`, `curves` (microseconds at the
///   steps of [`Recorder::curve`]), `at`, `rates` and `steady` of its rounds, `bars` of its
///   waterfall, `reasons`, and its bottleneck;
/// - `groups`: the cells of each panel; `best`: the cell recommended; `compare`: the cells whose
///   percentile curves are held against each other.
pub(super) fn island(run: &RunRecord, parts: &Parts<'_>) -> Value {
    let best = parts.best();
    let mut compare: Vec<usize> = best.iter().map(|(place, _)| *place).collect();
    let fastest = parts.groups.iter().filter_map(|group| Some(group.place(group.fastest()?)));
    compare.extend(fastest.filter(|place| Some(*place) != best.map(|(best, _)| best)));
    compare.truncate(COMPARED);
    json!({
        "csv": csv::cells(run),
        "plots": plots(run, parts, best.map(|(_, record)| record)),
        "cells": cells(run),
        "groups": parts.groups.iter().map(Group::places).collect::<Vec<_>>(),
        "best": best.map(|(place, _)| place),
        "compare": compare,
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
    plots
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
        "at": rounds(|round| ((round.at_s * 10.0).round() / 10.0).into()),
        "rates": rounds(|round| short(round.throughput_images_per_s).into()),
        "steady": rounds(|round| u8::from(round.steady).into()),
        "bars": each(run, |record| bars(run, record)),
        "reasons": each(run, |record| match &record.verdict {
            Verdict::Valid => json!([]),
            Verdict::Invalid(reasons) => json!(reasons),
        }),
        "bottlenecks": each(run, |record| bottleneck(run, record).into()),
    })
}

/// Microseconds at rising quantiles; none where the record's histogram cannot be read, as that of a
/// record made by hand.
fn curve(record: &CellRecord) -> Value {
    let recorder = Recorder::try_from(record.latency_histogram.clone());
    let points = recorder.map_or_else(|_| Vec::new(), |recorder| recorder.curve());
    // Four digits: a histogram keeps three.
    let us = |ns: u64| format!("{:.3e}", ns as f64 / 1e3).parse::<f64>().unwrap_or_default();
    points.into_iter().map(|(_, ns)| Value::from(us(ns))).collect()
}

/// Each stage as a list: name, nanoseconds an image, p50 and p99 a batch, share of its ceiling, that
/// ceiling in words, and whether a device timed it and whether it is of the whole run.
fn bars(run: &RunRecord, record: &CellRecord) -> Value {
    let bars = waterfall(run, record).into_iter().map(|bar| {
        json!([
            bar.name,
            short(bar.ns_per_image),
            bar.batch.p50_ns,
            bar.batch.p99_ns,
            bar.share_of_ceiling.map(short),
            bar.ceiling,
            u8::from(bar.clock == StageClock::Device),
            u8::from(bar.of_run),
        ])
    });
    bars.collect()
}
