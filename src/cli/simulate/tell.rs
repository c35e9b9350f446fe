//! What a simulation came to, in words and tables.

use comfy_table::CellAlignment::{Left, Right};

use super::{Driven, Job, JobFigures, Service, ServiceFigures};
use crate::cli::table::table;
use crate::record::Estimate;
use crate::sizing::simulate::{Answers, BELIEVED, Fleet, SEEDS, Verification, Verified};
use crate::sweep;
use crate::units::{Nanos, count, counted, rate};

/// What the simulation is driven by.
pub(super) fn measured(driven: &Driven<'_>) -> String {
    let sizes: Vec<String> = driven.times.sizes().map(|size| count(size as u64)).collect();
    let (run, cell) = (driven.run, &driven.cell);
    let waking = if run.waking.is_some() { " and the machine's waking of threads" } else { "" };
    format!(
        "Measured: {} on {} ({}; {}), batch times at {} images{waking}.{}",
        sweep::name(cell),
        run.host.cpu_model,
        counted(run.host.cores, "core"),
        run.started,
        sizes.join(", "),
        if run.synthetic { " The images are synthetic digits." } else { "" },
    )
}

/// A job.
pub(super) fn job(job: &Job, figures: &JobFigures) -> String {
    let head = format!(
        "Simulated: {} images in memory, batch {}, on {}{}. Median and span of {SEEDS} seeds:",
        count(job.images),
        count(job.batch as u64),
        machines(job.machines, job.sessions),
        fleet(&job.fleet, job.machines),
    );
    let mut rows = vec![
        row("time to the last image", &figures.seconds, time_s),
        row("half of the machines are done after", &figures.half_done_s, time_s),
        row("images/s once the first machine is ready", &figures.images_per_s, rate),
        row("share of the time in which batches ran", &figures.busy_share, percent),
        row("machine hours", &figures.machine_hours, plain),
    ];
    if job.fleet.start_up.high > 0.0 {
        rows.insert(0, row("the last machine is ready after", &figures.last_ready_s, time_s));
        rows.insert(0, row("the first machine is ready after", &figures.first_ready_s, time_s));
    }
    if job.fleet.failures_per_hour > 0.0 {
        rows.push(row("machines lost", &figures.lost, whole));
        rows.push(row("batches done by another machine", &figures.taken_over, whole));
    }
    format!("{head}\n\n{}", of(&rows))
}

/// A service.
pub(super) fn service(
    service: &Service,
    offered: f64,
    requests: u64,
    figures: &ServiceFigures,
) -> String {
    let server = &service.server;
    let limit = server
        .queue_limit
        .map_or(String::new(), |limit| format!(", at most {} waiting", counted(limit, "request")));
    let head = format!(
        "Simulated: {} requests/s (Poisson), batches of up to {} within {}{limit}, on {}{}; {} \
         requests a seed. Median and span of {SEEDS} seeds:",
        rate(offered),
        count(server.max_batch as u64),
        server.max_delay,
        machines(service.machines, server.sessions),
        fleet(&service.fleet, service.machines),
        count(requests),
    );
    let latency = |name: &str, figure: &Option<Estimate>| match figure {
        Some(figure) => row(name, figure, |ns| time_s(ns / 1e9)),
        None => [name.to_owned(), "-".into(), String::new()],
    };
    let mut rows = vec![
        latency("p50", &figures.p50_ns),
        latency("p90", &figures.p90_ns),
        latency("p99", &figures.p99_ns),
        latency("p99.9", &figures.p999_ns),
        row("answered requests/s", &figures.throughput_per_s, rate),
        row("share of the time in which batches ran", &figures.utilisation, percent),
        row("images a batch", &figures.images_per_batch, plain),
    ];
    if server.queue_limit.is_some() {
        rows.push(row("rejected", &figures.rejected_share, percent));
    }
    if service.fleet.failures_per_hour > 0.0 {
        rows.push(row("machines lost", &figures.lost, whole));
        rows.push(row("requests tried again", &figures.retried, whole));
    }
    let overloaded = if figures.overloaded {
        "\n\nOverloaded: fewer requests are answered than come, so that the latencies grow for as \
         long as the simulation lasts."
    } else {
        ""
    };
    format!("{head}\n\n{}{overloaded}", of(&rows))
}

/// The highest rate within an objective.
pub(super) fn highest(quantile: f64, limit: Nanos, found: Option<Estimate>) -> String {
    let percentile = format!("p{}", (quantile * 1e5).round() / 1e3);
    match found {
        Some(Estimate { value, low, high }) => format!(
            "\nHighest rate with {percentile} within {limit}: {} requests/s ({} to {})",
            rate(value),
            rate(low),
            rate(high)
        ),
        None => format!("\nNo rate has its {percentile} within {limit}."),
    }
}

/// Measured and simulated side by side.
pub(super) fn verification(verification: &Verification) -> String {
    let header = [
        ("server cell", Left),
        ("p50", Right),
        ("simulated", Right),
        ("error", Right),
        ("p99", Right),
        ("simulated", Right),
        ("error", Right),
        ("images a batch", Right),
        ("simulated", Right),
        ("", Left),
    ];
    let rows: Vec<Vec<String>> = verification.cells.iter().map(line).collect();
    let (sound, p50, p99) = verification.tally();
    let mut text = table(&header, &rows);
    text.push_str(&format!(
        "\n\nOf {sound} VALID cells simulated from VALID cells, p50 is within {} in {p50} and p99 \
         in {p99}.",
        percent(BELIEVED)
    ));
    let mut reasons: Vec<(&String, usize)> = Vec::new();
    for doubt in verification.cells.iter().filter_map(|cell| cell.doubts.first()) {
        match reasons.iter_mut().find(|(known, _)| *known == doubt) {
            Some((_, cells)) => *cells += 1,
            None => reasons.push((doubt, 1)),
        }
    }
    for (reason, cells) in reasons {
        text.push_str(&format!("\nin doubt, {}: {reason}", counted(cells, "cell")));
    }
    if !verification.waking_measured {
        text.push_str(
            "\nThe run does not say how late its machine wakes threads: timers are taken to be late \
             by Linux's usual 50 us.",
        );
    }
    for (cell, reason) in &verification.left_out {
        text.push_str(&format!("\nleft out: {}: {reason}", sweep::name(cell)));
    }
    text
}

fn line(verified: &Verified) -> Vec<String> {
    let time = |ns: Option<u64>| ns.map_or_else(|| "-".into(), |ns| Nanos(ns).to_string());
    let error = |share: Option<f64>| {
        share.map_or_else(String::new, |share| format!("{:+.1}%", share * 100.0))
    };
    let Answers { p50_ns, p99_ns, images_per_batch } = verified.measured;
    let simulated = verified.simulated;
    vec![
        sweep::name(&verified.cell),
        time(p50_ns),
        time(simulated.p50_ns),
        error(verified.p50_error()),
        time(p99_ns),
        time(simulated.p99_ns),
        error(verified.p99_error()),
        format!("{images_per_batch:.2}"),
        format!("{:.2}", simulated.images_per_batch),
        if verified.counts() { String::new() } else { "in doubt".into() },
    ]
}

fn machines(machines: usize, sessions: usize) -> String {
    let all = counted(machines, "machine");
    if sessions == 1 { all } else { format!("{all} of {sessions} sessions") }
}

/// What sets the machines apart, as far as it matters.
fn fleet(fleet: &Fleet, machines: usize) -> String {
    let mut text = String::new();
    if fleet.spread > 0.0 && machines > 1 {
        text.push_str(&format!(", their pace spread by {}", percent(fleet.spread)));
    }
    if fleet.stragglers > 0.0 {
        let (share, factor) = (percent(fleet.stragglers), fleet.slower);
        text.push_str(&format!(", {share} of them slower by {factor}"));
    }
    if fleet.failures_per_hour > 0.0 {
        text.push_str(&format!(", {} lost an hour each", fleet.failures_per_hour));
    }
    text
}

/// A row of a figure: its name, the median, and the span where there is one.
fn row(name: &str, figure: &Estimate, show: impl Fn(f64) -> String) -> [String; 3] {
    let [value, low, high] = [figure.value, figure.low, figure.high].map(show);
    let span = if low == high { String::new() } else { format!("{low} to {high}") };
    [name.to_owned(), value, span]
}

fn of(rows: &[[String; 3]]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.to_vec()).collect();
    table(&[("figure", Left), ("median", Right), ("over seeds", Right)], &rows)
}

fn time_s(seconds: f64) -> String {
    Nanos((seconds * 1e9) as u64).to_string()
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn plain(value: f64) -> String {
    format!("{value:.2}")
}

fn whole(value: f64) -> String {
    count(value.round() as u64)
}
