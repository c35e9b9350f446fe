//! What bounds a cell, in one sentence.

use super::bars::{Bar, busy_cores, waterfall};
use crate::record::{CellRecord, RunRecord, Scenario};
use crate::units::counted;
use crate::units::{Nanos, count, rate};

/// A session that stands idle for more of the window than this is not what bounds the cell. As
/// much as the throughput may swing while a warm-up counts as settled.
const IDLE: f64 = 0.10;

/// A server that answers less than this share of what is offered falls behind, and its queue grows
/// as long as the load lasts. The rest is as wide as a valid throughput's interval may be.
const KEEPS_UP: f64 = 0.95;

/// What bounds a cell, with its figure: a plain sentence. Where no model ran or nothing was
/// measured it says that.
///
/// Sessions that stand idle are not the bottleneck: it is what they wait for. Otherwise it is the
/// largest of `stage`, `h2d`, `compute` and `d2h`. A server that falls behind says so first. Where
/// a job over files would spend more on one of its other stages, or on all of them together, than
/// an image takes in this cell, the sentence ends with that.
pub(in crate::report) fn bottleneck(run: &RunRecord, record: &CellRecord) -> String {
    let images_per_s = record.throughput_images_per_s;
    if !images_per_s.is_finite() || images_per_s <= 0.0 {
        return "Nothing was completed, so there is no bottleneck to name.".into();
    }
    let image_ns = record.cell.instances as f64 * 1e9 / images_per_s;
    if !record.cell.has_model() {
        return format!(
            "The harness itself is the bottleneck, for no model runs: an image takes one instance \
             {}.",
            time(image_ns)
        );
    }
    let bars = waterfall(run, record);
    let Some(largest) = largest(&bars) else {
        return "No stage was timed, so there is no bottleneck to name.".into();
    };
    let idle = idle_share(record);
    let said = match behind(record) {
        Some((offered, answered)) => format!(
            "The queue grows: of {} requests a second {} are answered; {} takes {} of the {} that \
             an image takes one instance{}",
            rate(offered),
            rate(answered),
            phrase(largest.name),
            time(largest.ns_per_image),
            time(image_ns),
            share(run, record, largest)
        ),
        None if idle > IDLE => idling(record, largest, idle, image_ns),
        None => format!(
            "{} is the bottleneck: {} of the {} that an image takes one instance{}",
            capital(phrase(largest.name)),
            time(largest.ns_per_image),
            time(image_ns),
            share(run, record, largest)
        ),
    };
    format!("{said}{}.", files(run, record, &bars, image_ns))
}

/// The stage of the cell that takes longest; waiting in the queue is none.
fn largest(bars: &[Bar]) -> Option<&Bar> {
    bars.iter()
        .filter(|bar| !bar.of_run && bar.name != "queue" && bar.ns_per_image > 0.0)
        .max_by(|a, b| a.ns_per_image.total_cmp(&b.ns_per_image))
}

/// Mean share of the windows in which sessions stood idle.
fn idle_share(record: &CellRecord) -> f64 {
    let rounds = &record.rounds;
    rounds.iter().map(|round| round.idle_share).sum::<f64>() / rounds.len().max(1) as f64
}

/// Requests offered and answered a second, of a server that falls behind.
fn behind(record: &CellRecord) -> Option<(f64, f64)> {
    let Scenario::Server(asked) = record.cell.scenario else { return None };
    let offered = record.load.and_then(|load| load.offered_per_s).unwrap_or(asked as f64);
    let answered = record.throughput_images_per_s;
    (answered < KEEPS_UP * offered).then_some((offered, answered))
}

/// What sessions that stand idle wait for, by what the cell issues.
fn idling(record: &CellRecord, largest: &Bar, idle: f64, image_ns: f64) -> String {
    let idle = percent(idle);
    let (busy, took) = (phrase(largest.name), time(largest.ns_per_image));
    match record.cell.scenario {
        Scenario::Offline => format!(
            "Feeding is the bottleneck: sessions stood idle for {idle} of the time for want of \
             images, and {busy} takes {took} of the {} that an image takes one instance",
            time(image_ns)
        ),
        Scenario::Closed(outstanding) => format!(
            "The number of requests is the bottleneck: with {} outstanding, sessions stood idle \
             for {idle} of the time; {busy} takes {took} an image",
            count(outstanding)
        ),
        Scenario::Server(asked) => format!(
            "Nothing is at its limit: at {} requests a second sessions stood idle for {idle} of \
             the time; {busy} takes {took} an image",
            count(asked)
        ),
    }
}

/// ", 41% of the multiply-add peak of 2 cores".
fn share(run: &RunRecord, record: &CellRecord, bar: &Bar) -> String {
    let (Some(share), Some(ceiling)) = (bar.share_of_ceiling, &bar.ceiling) else {
        return String::new();
    };
    match bar.name {
        "compute" => {
            let cores = counted(busy_cores(run, record), "core");
            format!(", {} of the multiply-add peak of {cores}", percent(share))
        }
        _ => format!(", {} of {ceiling}", percent(share)),
    }
}

/// What a job over files would wait for, if that takes longer than the cell: its stages have the
/// cores of an instance's share of the machine.
fn files(run: &RunRecord, record: &CellRecord, bars: &[Bar], image_ns: f64) -> String {
    let cores = (run.host.cores / record.cell.instances.max(1)).max(1);
    let of_job = || bars.iter().filter(|bar| bar.of_run);
    let longer = |ns: f64| ns / cores as f64 > image_ns;
    let slowest = of_job().max_by(|a, b| a.ns_per_image.total_cmp(&b.ns_per_image));
    let Some(slowest) = slowest else { return String::new() };
    let all: f64 = of_job().map(|bar| bar.ns_per_image).sum();
    let (what, ns) = if longer(slowest.ns_per_image) {
        (phrase(slowest.name), slowest.ns_per_image)
    } else if longer(all) {
        ("reading, decoding, encoding and writing together", all)
    } else {
        return String::new();
    };
    format!("; from files, {what} ({} a core) would take longer than that", time(ns))
}

/// A stage as something that takes time.
fn phrase(stage: &str) -> &'static str {
    match stage {
        "read" => "reading a file",
        "decode" => "decoding a PNG",
        "stage" => "filling the slot",
        "h2d" => "copying to the device",
        "d2h" => "copying from the device",
        "encode" => "encoding an answer",
        "write" => "writing an output",
        "queue" => "queueing",
        _ => "compute",
    }
}

fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_ascii_uppercase() + rest
}

fn time(ns: f64) -> String {
    Nanos(ns.round().max(0.0) as u64).to_string()
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{JobStages, Load, Stage};
    use crate::report::fixture;

    /// A cell of two instances in which an image takes one of them 3.21 us.
    fn busy() -> CellRecord {
        let mut record = fixture::cell("native", 2, 128);
        record.throughput_images_per_s = 2e9 / 3_210.0;
        record.stages.compute.ns_per_image = 2_980.0;
        record.stages.stage.ns_per_image = 90.0;
        record
    }

    fn idle(mut record: CellRecord, share: f64) -> CellRecord {
        record.rounds.iter_mut().for_each(|round| round.idle_share = share);
        record
    }

    /// A machine of 2 cores of 700 GFLOP/s each, whose files cost nothing.
    fn run() -> RunRecord {
        let mut run = fixture::empty();
        run.host.cores = 2;
        run.job_stages = None;
        let ceilings = run.ceilings.as_mut().unwrap();
        (ceilings.fma_one_core_flop_per_s, ceilings.fma_all_cores_flop_per_s) = (730e9, 1_460e9);
        run
    }

    fn job(read: f64, decode: f64, encode: f64, write: f64) -> Option<JobStages> {
        let stage = |ns_per_image| Stage { ns_per_image, ..Stage::default() };
        let (read, decode, encode, write) =
            (stage(read), stage(decode), stage(encode), stage(write));
        Some(JobStages { objects: 500, read, decode, encode, write })
    }

    #[test]
    fn a_busy_cell_is_bound_by_its_longest_stage() {
        let said = "Compute is the bottleneck: 2.98 us of the 3.21 us that an image takes one \
                    instance, 41% of the multiply-add peak of 2 cores.";
        assert_eq!(bottleneck(&run(), &busy()), said);
    }

    #[test]
    fn a_share_is_left_out_where_no_ceiling_was_measured() {
        let run = RunRecord { ceilings: None, ..run() };
        let said = "Compute is the bottleneck: 2.98 us of the 3.21 us that an image takes one \
                    instance.";
        assert_eq!(bottleneck(&run, &busy()), said);
    }

    #[test]
    fn files_that_would_be_slower_end_the_sentence() {
        let compute = "Compute is the bottleneck: 2.98 us of the 3.21 us that an image takes one \
                       instance, 41% of the multiply-add peak of 2 cores";
        let after = |job| {
            let said = bottleneck(&RunRecord { job_stages: job, ..run() }, &busy());
            said.strip_prefix(compute).unwrap().to_owned()
        };
        assert_eq!(
            after(job(1_000.0, 4_700.0, 300.0, 900.0)),
            "; from files, decoding a PNG (4.70 us a core) would take longer than that."
        );
        assert_eq!(
            after(job(1_000.0, 2_000.0, 300.0, 900.0)),
            "; from files, reading, decoding, encoding and writing together (4.20 us a core) \
             would take longer than that."
        );
        assert_eq!(after(job(500.0, 2_000.0, 100.0, 400.0)), ".");
    }

    #[test]
    fn one_instance_has_all_cores_for_its_files() {
        let mut record = busy();
        record.cell.instances = 1;
        record.throughput_images_per_s /= 2.0;
        let at = |decode| {
            let run = RunRecord { job_stages: job(0.0, decode, 0.0, 0.0), ..run() };
            bottleneck(&run, &record)
        };
        assert!(!at(6_300.0).contains("from files"), "two cores decode one in 3.15 us");
        assert!(at(6_500.0).contains("from files, decoding a PNG (6.50 us a core)"));
    }

    #[test]
    fn sessions_that_wait_for_images_are_not_the_bottleneck() {
        let mut record = idle(busy(), 0.38);
        record.stages.compute.ns_per_image = 1_900.0;
        let said = "Feeding is the bottleneck: sessions stood idle for 38% of the time for want of \
                    images, and compute takes 1.90 us of the 3.21 us that an image takes one \
                    instance.";
        assert_eq!(bottleneck(&run(), &record), said);
        assert!(bottleneck(&run(), &idle(record, 0.09)).starts_with("Compute is the bottleneck"));
    }

    #[test]
    fn too_few_requests_are_named() {
        let mut record = idle(busy(), 0.38);
        record.cell.scenario = Scenario::Closed(4);
        let said = "The number of requests is the bottleneck: with 4 outstanding, sessions stood \
                    idle for 38% of the time; compute takes 2.98 us an image.";
        assert_eq!(bottleneck(&run(), &record), said);
    }

    #[test]
    fn a_server_with_time_to_spare_has_no_bottleneck() {
        let mut record = idle(busy(), 0.38);
        record.cell.scenario = Scenario::Server(20_000);
        record.throughput_images_per_s = 19_900.0;
        let said = "Nothing is at its limit: at 20,000 requests a second sessions stood idle for \
                    38% of the time; compute takes 2.98 us an image.";
        assert_eq!(bottleneck(&run(), &record), said);
    }

    #[test]
    fn a_server_that_falls_behind_says_that_its_queue_grows() {
        let mut record = busy();
        record.cell.scenario = Scenario::Server(800_000);
        let said = "The queue grows: of 800,000 requests a second 623,000 are answered; compute \
                    takes 2.98 us of the 3.21 us that an image takes one instance, 41% of the \
                    multiply-add peak of 2 cores.";
        assert_eq!(bottleneck(&run(), &record), said);
        // What the schedule really asked for counts, where it is known.
        record.load = Some(Load { offered_per_s: Some(640_000.0), ..Load::default() });
        assert!(bottleneck(&run(), &record).starts_with("Compute is the bottleneck"));
    }

    #[test]
    fn a_copy_can_be_the_bottleneck() {
        let mut record = busy();
        record.cell.device = "cuda:0".into();
        record.stages.h2d = Some(Stage { ns_per_image: 3_000.0, ..Stage::default() });
        let mut run = run();
        run.ceilings.as_mut().unwrap().h2d_pageable_bytes_per_s = Some(1e9);
        let said = "Copying to the device is the bottleneck: 3.00 us of the 3.21 us that an image \
                    takes one instance, 26% of 1.00 GB/s with pageable memory.";
        assert_eq!(bottleneck(&run, &record), said);
    }

    #[test]
    fn where_there_is_nothing_to_name_the_sentence_says_so() {
        let run = run();
        let none = CellRecord { throughput_images_per_s: 0.0, ..busy() };
        assert!(bottleneck(&run, &none).starts_with("Nothing was completed"));
        let untimed = CellRecord { stages: Default::default(), ..busy() };
        assert!(bottleneck(&run, &untimed).starts_with("No stage was timed"));
        let mut null = busy();
        null.cell.backend = "null".into();
        let said = "The harness itself is the bottleneck, for no model runs: an image takes one \
                    instance 3.21 us.";
        assert_eq!(bottleneck(&run, &null), said);
    }

    #[test]
    fn every_cell_of_a_whole_run_has_one_sentence() {
        let run = fixture::run();
        for record in &run.cells {
            let said = bottleneck(&run, record);
            assert!(said.ends_with('.') && !said.contains("NaN"), "{said}");
        }
    }
}
