//! The sizing answer as the page shows it, as text ready for its template.

use askama::Template;

use super::{pack, view};
use crate::error::{Error, Result};
use crate::record::{Advice, Basis, Check, Choice, Rejection};
use crate::report::sizing::{
    self, Heading, JOB_PLACEHOLDERS, Job, Rows, asked, how, machines, phases,
};
use crate::report::words::UNKNOWN;
use crate::units::{Nanos, counted, rate};

/// Rejections, and checks, that the page lists.
const LISTED: usize = 10;

/// The section of an answer, with its style.
pub(super) fn section(advice: &Advice) -> Result<String> {
    let bug = |error| Error::Bug(format!("the sizing section cannot be put together: {error}"));
    sizing(advice).render().map_err(bug)
}

/// The same for a page that has no room for it: packed, and its first sentence in the open.
pub(super) fn packed(advice: &Advice) -> Result<String> {
    let bug = |error| Error::Bug(format!("the sizing section cannot be put together: {error}"));
    let section = pack::packed(section(advice)?.as_bytes())?;
    Packed { lead: sizing::sentence(advice), section }.render().map_err(bug)
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<section class="sizing" id="sizing-here"><h2 id="sizing">{{ lead }}</h2>
<p>The choices need a browser that runs scripts; <code>report.md</code> and <code>advice.json</code> have them too.</p></section>
<script type="text/plain" id="sizing-section">{{ section|safe }}</script>
"#
)]
struct Packed {
    lead: String,
    section: String,
}

/// What the section shows before its script takes over, and where there is none.
#[derive(Template)]
#[template(path = "sizing.html", config = "src/report/html/askama.toml")]
struct Sizing<'a> {
    css: String,
    advice: &'a Advice,
    asked: String,
    /// What to take, in a sentence of the page's own.
    lead: String,
    sentences: &'a [String],
    asks: Vec<Ask>,
    /// Machine types, each with a price.
    types: Vec<&'a str>,
    headings: Vec<Heading>,
    tables: Vec<ChoiceTable>,
    /// Machine type, model and command of what was predicted.
    models: Vec<(&'a str, &'a str, &'a str)>,
    /// The choice that is open at first.
    name: String,
    /// Its phases: name, time, interval, and who pays.
    phases: Vec<[String; 4]>,
    jobs: Vec<JobText>,
    rejected: &'a [Rejection],
    rejected_more: usize,
    checks: Vec<CheckRow<'a>>,
    /// How many of the checks lay within their intervals.
    held: String,
}

/// Something that may be asked anew, on a scale from one power of ten to another.
struct Ask {
    name: &'static str,
    title: String,
    low: f64,
    high: f64,
}

/// The choices that were measured, or those that were not.
struct ChoiceTable {
    name: &'static str,
    title: &'static str,
    said: &'static str,
    rows: Rows,
}

/// A command or a request, in parts; those to be replaced are marked.
struct JobText {
    id: &'static str,
    title: &'static str,
    said: &'static str,
    text: Vec<(String, bool)>,
}

/// A prediction beside what was measured.
struct CheckRow<'a> {
    at: &'a str,
    what: &'a str,
    predicted: String,
    interval: String,
    measured: String,
    off: String,
    held: bool,
}

fn sizing(advice: &Advice) -> Sizing<'_> {
    let open = advice.best.or(advice.best_predicted).and_then(|place| advice.choices.get(place));
    let tables = tables(advice);
    let mut types = Vec::new();
    let listed = tables.iter().flat_map(|table| &table.rows.rows);
    for choice in listed.map(|row| &advice.choices[row.place]) {
        if !types.contains(&choice.machine_type.as_str()) {
            types.push(&choice.machine_type);
        }
    }
    let checks: Vec<CheckRow<'_>> = advice.checks.iter().rev().map(check).collect();
    let held = checks.iter().filter(|check| check.held).count();
    let held = format!(
        "{held} of {} lay within the interval that was predicted for it; the latest first.",
        counted(checks.len(), "run")
    );
    Sizing {
        css: pack::lean(include_str!("sizing.css")),
        asked: asked(&advice.question),
        lead: sizing::sentence(advice),
        sentences: &advice.sentences,
        asks: asks(advice),
        models: models(advice, &types),
        types,
        headings: sizing::headings(advice),
        tables,
        name: open
            .map_or_else(String::new, |choice| format!("{}, {}", machines(choice), how(choice))),
        phases: open.map(phases).unwrap_or_default(),
        jobs: open.map(jobs).unwrap_or_default(),
        rejected: &advice.rejected[..advice.rejected.len().min(LISTED)],
        rejected_more: advice.rejected.len().saturating_sub(LISTED),
        checks: checks.into_iter().take(LISTED).collect(),
        held,
        advice,
    }
}

/// What may be asked anew: of a job its images, deadline and budget, of a service its requests and
/// their limit.
fn asks(advice: &Advice) -> Vec<Ask> {
    let ask = |name, title: &str, low, high| Ask { name, title: title.into(), low, high };
    match advice.question.service {
        Some(service) => {
            let limit = format!("{} limit", sizing::quantile(service.quantile));
            vec![
                ask("rate_per_s", "Requests a second", 0.0, 7.0),
                ask("limit_ns", &limit, 5.0, 10.0),
                ask("budget_usd", "Budget, USD an hour", -2.0, 4.0),
            ]
        }
        None => vec![
            ask("images", "Images", 2.0, 11.0),
            ask("deadline_s", "Deadline", 1.5, 6.0),
            ask("budget_usd", "Budget, USD", -2.0, 4.0),
        ],
    }
}

fn tables(advice: &Advice) -> Vec<ChoiceTable> {
    let table = |name, title, said, measured| {
        let rows = sizing::rows(advice, measured);
        let said = if rows.rows.is_empty() {
            "None met what was asked when this was written."
        } else {
            said
        };
        ChoiceTable { name, title, said, rows }
    };
    let mut tables = vec![table(
        "measured",
        "Choices that were measured",
        "The cheapest first, with 95% intervals below the figures.",
        true,
    )];
    let predicted = |choice: &Choice| choice.basis != Basis::Measured;
    if advice.choices.iter().chain(&advice.others).any(predicted) {
        tables.push(table(
            "predicted",
            "Predicted, not measured",
            "A model says so, and no run has yet: the intervals are wide, and nothing is recommended \
             from here before it is measured.",
            false,
        ));
    }
    tables
}

/// Each model once for each machine type that is shown.
fn models<'a>(advice: &'a Advice, types: &[&str]) -> Vec<(&'a str, &'a str, &'a str)> {
    let mut models = Vec::new();
    let shown = |choice: &&Choice| types.contains(&choice.machine_type.as_str());
    for choice in advice.choices.iter().filter(shown) {
        let Basis::Predicted { model, measure_with } = &choice.basis else { continue };
        let model = model.trim_end_matches('.');
        let entry = (choice.machine_type.as_str(), model, measure_with.as_str());
        if !models.contains(&entry) {
            models.push(entry);
        }
    }
    models
}

fn jobs(choice: &Choice) -> Vec<JobText> {
    let Job { command, body } = sizing::job(choice);
    let command = command.map(|words| view::command(&words)).unwrap_or_default();
    vec![
        JobText {
            id: "sizing-command",
            title: "Run it with Plimsoll",
            said: "On each of the machines, over its own part of the objects.",
            text: parts(&command),
        },
        JobText {
            id: "sizing-body",
            title: "Run it in SageMaker: the body of CreateTransformJob",
            said: "One picture an object. The batch size is the container's own matter: its handler \
                   fills batches from the requests that are under way.",
            text: parts(&body.unwrap_or_default()),
        },
    ]
}

/// A text in parts, and whether each is to be replaced.
fn parts(text: &str) -> Vec<(String, bool)> {
    let (mut parts, mut rest) = (Vec::new(), text);
    let next = |rest: &str| {
        let found = JOB_PLACEHOLDERS.iter().filter_map(|name| Some((rest.find(name)?, *name)));
        found.min()
    };
    while let Some((at, name)) = next(rest) {
        parts.push((rest[..at].into(), false));
        parts.push((name.into(), true));
        rest = &rest[at + name.len()..];
    }
    if !rest.is_empty() {
        parts.push((rest.into(), false));
    }
    parts
}

fn check(check: &Check) -> CheckRow<'_> {
    let Check { at, what, predicted, measured, unit } = check;
    let told = |figure: f64| match unit.as_str() {
        "s" => sizing::span(figure),
        "ns" => Nanos(figure as u64).to_string(),
        _ => rate(figure),
    };
    let after = match unit.as_str() {
        "s" | "ns" => String::new(),
        unit => format!(" {unit}"),
    };
    let off = predicted.value / measured - 1.0;
    CheckRow {
        at,
        what,
        predicted: format!("{}{after}", told(predicted.value)),
        interval: format!("{} to {}", told(predicted.low), told(predicted.high)),
        measured: format!("{}{after}", told(*measured)),
        off: if off.is_finite() { format!("{:+.1}%", off * 100.0) } else { UNKNOWN.into() },
        held: (predicted.low..=predicted.high).contains(measured),
    }
}
