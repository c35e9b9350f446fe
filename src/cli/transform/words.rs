//! What is said of a job: before the start, at its end, and to a script.

use crate::cli::exit;
use crate::cli::output::{note, one_line, say};
use crate::error::Result;
use crate::transform::{Comparison, Finding, Pace, Plan, Severity, Summary};
use crate::units::{self, Nanos, counted};

/// Failed objects that are shown on the terminal; all of them are in the failures file.
const SHOWN: usize = 20;

/// The list of them, in the job's folder.
const FAILURES: &str = "failures.jsonl";

/// Says what was found before the start.
pub(super) fn found(finding: &Finding) {
    let grade = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    note(one_line(format_args!("{grade}: {}", finding.text)));
}

pub(super) fn warn_of_crowding(instances: usize) {
    let cores = crate::measure::host::own_cores().len();
    if instances > cores {
        note(format_args!(
            "warning: {} share {}; they will be slower than {}",
            counted(instances, "instance"),
            counted(cores, "core"),
            counted(cores, "instance"),
        ));
    }
}

/// Says what a job came to, or what would be run.
pub(super) fn tell(plan: &Plan, summary: &Summary) -> Result<()> {
    if !summary.started {
        return tell_of_plan(plan, summary);
    }
    let batches: u64 = summary.instances.iter().map(|i| i.batches).sum();
    let images: u64 = summary.instances.iter().map(|i| i.images).sum();
    say(format_args!(
        "{} of {} objects in {} ({} images/s), after {} to start {} on {}",
        units::count(summary.succeeded as u64),
        units::count(summary.objects as u64),
        seconds(summary.run_s),
        units::rate(summary.images_per_s),
        seconds(summary.startup_s),
        counted(summary.instances.len() + summary.deaths.len(), "instance"),
        plan.backend,
    ))?;
    if summary.resumed > 0 {
        say(format_args!("{} had their outputs already", counted(summary.resumed, "object")))?;
    }
    if batches > 0 {
        say(format_args!(
            "mean batch {:.1} of {}",
            images as f64 / batches as f64,
            plan.max_batch
        ))?;
    }
    if let Some(peak) = summary.instances.iter().filter_map(|i| i.peak_rss_bytes).max() {
        say(format_args!("peak memory of an instance {}", units::bytes(peak)))?;
    }
    // A resumed job with nothing left to do loads none.
    if !summary.model.is_empty() {
        say(format_args!("model: {}", summary.model))?;
    }
    if let Some(comparison) = &summary.comparison {
        say(compared(comparison))?;
    }
    say(format_args!("job: {}", plan.name))
}

fn tell_of_plan(plan: &Plan, summary: &Summary) -> Result<()> {
    let bytes = summary.bytes.map_or_else(String::new, |n| format!(" ({})", units::bytes(n)));
    say(format_args!(
        "would run {}{bytes} on {} of {}, {}",
        counted(summary.objects - summary.resumed.min(summary.objects), "object"),
        counted(summary.balance.objects.len() - summary.balance.idle, "instance"),
        plan.backend,
        clap_name(&plan.partition),
    ))?;
    if summary.resumed > 0 {
        say(format_args!("{} have their outputs already", counted(summary.resumed, "object")))?;
    }
    say(one_line(format_args!("from {} to {}", plan.input, plan.output)))
}

fn clap_name(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Both rates, side by side.
fn compared(comparison: &Comparison) -> String {
    let Comparison { faithful, coalesced, .. } = comparison;
    let of = |pace: &Pace| format!("{} images/s", units::rate(pace.images_per_s));
    let factor = coalesced.images_per_s / faithful.images_per_s;
    let outputs = match comparison.differing {
        0 => "the outputs are the same".to_owned(),
        _ => one_line(differing(comparison)),
    };
    format!(
        "faithful {}, coalesced {}: {factor:.2} times as fast; {outputs}",
        of(faithful),
        of(coalesced)
    )
}

fn differing(comparison: &Comparison) -> String {
    let first = comparison.first_differing.as_deref().unwrap_or_default();
    format!("{} differ, first that of {first}", counted(comparison.differing, "output"))
}

/// Says what went wrong.
pub(super) fn complain(summary: &Summary) {
    for (index, reason) in &summary.deaths {
        let heirs = if summary.unfinished == 0 { "; the others took over" } else { "" };
        note(format_args!("warning: instance {index} died ({reason}){heirs}"));
    }
    for failure in summary.failures.iter().take(SHOWN) {
        note(one_line(format_args!("failed: {}: {}", failure.key, failure.reason)));
    }
    if summary.failed > 0 && summary.unrecorded.is_none() {
        note(format_args!(
            "{} failed; {} are in {}/{FAILURES}",
            counted(summary.failed, "object"),
            if summary.failed > SHOWN {
                "all of them, with reasons,"
            } else {
                "they and the reasons"
            },
            summary.folder.trim_end_matches('/'),
        ));
    }
    if let Some(comparison) = summary.comparison.as_ref().filter(|c| c.differing > 0) {
        note(one_line(format_args!("error: {}", differing(comparison))));
    }
    if let Some(reason) = &summary.unrecorded {
        note(one_line(format_args!("error: {reason}")));
    }
    if summary.unfinished > 0 {
        let why = if summary.interrupted { "interrupted" } else { "no instance is left" };
        note(format_args!(
            "{why}: {} not done; run the same command again, with --resume and --job-name {}",
            counted(summary.unfinished, "object"),
            summary.name,
        ));
    }
}

/// The exit code of what a job came to.
pub(super) fn code(summary: &Summary) -> u8 {
    if summary.interrupted {
        exit::INTERRUPTED
    } else if summary.unfinished > 0 {
        exit::FAILED
    } else if summary.unrecorded.is_some() {
        exit::INPUT
    } else if summary.failed > 0 {
        exit::PARTIAL
    } else if summary.failure_reason.is_some() {
        exit::FAILED
    } else {
        exit::OK
    }
}

fn seconds(seconds: f64) -> Nanos {
    Nanos((seconds * 1e9) as u64)
}
