//! The choices of a sizing answer as rows of a table.

use std::collections::BTreeSet;

use super::words::{interval, quantile, span, span_interval, usd};
use crate::record::{Advice, Basis, Choice, Estimate, Question};
use crate::report::words::{UNKNOWN, percent};
use crate::units::{Nanos, counted, rate};

/// Rows of the tables of what was measured and of what was predicted: the cheapest choice of each
/// machine type, and those with a mark; a mark other than of a tie is never left out.
const LISTED: [usize; 2] = [16, 8];

/// A figure and its interval, which is empty where it has none.
#[derive(Debug, PartialEq)]
pub(in crate::report) struct Figure {
    pub(in crate::report) value: String,
    pub(in crate::report) interval: String,
}

/// The heading of a column of figures.
#[derive(Debug, PartialEq)]
pub(in crate::report) struct Heading {
    pub(in crate::report) title: String,
    pub(in crate::report) hint: &'static str,
}

/// A choice as a row.
#[derive(Debug)]
pub(in crate::report) struct Row {
    /// Its place in [`Advice::choices`].
    pub(in crate::report) place: usize,
    /// Whether it was.
    measured: bool,
    /// "2 × ml.c6i.xlarge".
    pub(in crate::report) machines: String,
    /// "native on cpu, 4 instances of 1 thread, batch 256".
    pub(in crate::report) how: String,
    /// As [`headings`] has them.
    pub(in crate::report) figures: Vec<Figure>,
    /// "recommended", "tie", "runner-up", "fastest", "front", and "cheapest" of the predicted: those
    /// of them that it is.
    pub(in crate::report) marks: Vec<&'static str>,
}

/// The rows of one of the two tables.
#[derive(Debug, Default)]
pub(in crate::report) struct Rows {
    pub(in crate::report) rows: Vec<Row>,
    /// How many were left out.
    pub(in crate::report) more: usize,
}

/// The headings of the figures of a question's choices.
pub(in crate::report) fn headings(advice: &Advice) -> Vec<Heading> {
    let heading = |title: &str, hint| Heading { title: title.into(), hint };
    let mut headings = vec![heading("images/s", "a machine")];
    match &advice.question.service {
        Some(service) => headings.extend([
            heading(&quantile(service.quantile), "a request"),
            heading("cost", "an hour"),
            heading("1M images", "USD"),
            heading("load", "of capacity"),
        ]),
        None => headings.extend([
            heading("time", "request to last image"),
            heading("cost", "of the job"),
            heading("1M images", "USD"),
            heading("useful", "of billed time"),
        ]),
    }
    if has_joules(advice) {
        headings.push(heading("energy", "an image"));
    }
    headings
}

/// The choices that were measured, or those that were predicted, the cheapest first.
pub(in crate::report) fn rows(advice: &Advice, measured: bool) -> Rows {
    let places = 0..advice.choices.len();
    let all: Vec<Row> = places
        .filter(|place| (advice.choices[*place].basis == Basis::Measured) == measured)
        .map(|place| row(advice, place))
        .collect();
    let before = all.len();
    let mut room = LISTED[usize::from(!measured)];
    let mut types = BTreeSet::new();
    let keep = |row: &Row| {
        let first = types.insert(&advice.choices[row.place].machine_type);
        let fits = room > 0 && (first || !row.marks.is_empty());
        room -= usize::from(fits);
        fits || row.marks.iter().any(|mark| *mark != "tie")
    };
    let rows: Vec<Row> = all.into_iter().filter(keep).collect();
    Rows { more: before - rows.len(), rows }
}

fn has_joules(advice: &Advice) -> bool {
    advice.choices.iter().any(|choice| choice.joules_per_image.is_some())
}

fn row(advice: &Advice, place: usize) -> Row {
    let choice = &advice.choices[place];
    let mut figures = figures(choice, &advice.question);
    if has_joules(advice) {
        let joules = choice.joules_per_image.map_or_else(|| UNKNOWN.into(), joules);
        figures.push(Figure { value: joules, interval: String::new() });
    }
    Row {
        place,
        measured: choice.basis == Basis::Measured,
        machines: machines(choice),
        how: how(choice),
        figures,
        marks: marks(advice, place),
    }
}

impl Row {
    /// "recommended, fastest"; "predicted" before anything else.
    pub(in crate::report) fn remark(&self) -> String {
        let predicted = (!self.measured).then_some("predicted");
        predicted.into_iter().chain(self.marks.iter().copied()).collect::<Vec<_>>().join(", ")
    }
}

/// The answer in a sentence: what to take, its cost and its time.
pub(in crate::report) fn sentence(advice: &Advice) -> String {
    let Some(choice) = advice.best.or(advice.best_predicted).map(|place| &advice.choices[place])
    else {
        return "Nothing that is known of meets this.".into();
    };
    let within = |text: String| if text.is_empty() { text } else { format!(" ({text})") };
    let an_hour = if choice.total_s.is_some() { "" } else { " an hour" };
    let money = choice.price.is_known().then(|| {
        let cost = &choice.cost_usd;
        format!("{}{an_hour}{}", usd(cost.value), within(interval(cost, usd, "")))
    });
    let time = choice.total_s.map(|s| format!("{}{}", span(s.value), within(span_interval(&s))));
    let told: Vec<String> = [money, time].into_iter().flatten().collect();
    let what = format!("{}, {}: {}.", machines(choice), how(choice), told.join(", "));
    match advice.best {
        Some(_) => what,
        None => format!("Nothing that was measured meets this. Predicted: {what}"),
    }
}

/// "2 × ml.c6i.xlarge".
pub(in crate::report) fn machines(choice: &Choice) -> String {
    format!("{} × {}", choice.machines, choice.machine_type)
}

/// The phases of a choice: name, time, interval, and who pays; none of a service.
pub(in crate::report) fn phases(choice: &Choice) -> Vec<[String; 4]> {
    let Some(phases) = &choice.phases else { return vec![] };
    let all = [
        ("provision", &phases.provision_s, "not billed"),
        ("start", &phases.start_s, "billed"),
        ("load", &phases.load_s, "billed"),
        ("run", &phases.run_s, "billed, does the work"),
        ("tail", &phases.tail_s, "billed"),
    ];
    let row = |(name, of, billed): (&str, &Estimate, &str)| {
        [name.into(), span(of.value), interval(of, span, ""), billed.into()]
    };
    all.map(row).into()
}

/// "12.3 mJ".
fn joules(joules: f64) -> String {
    match joules {
        ..1e-3 => format!("{} uJ", rate(joules * 1e6)),
        ..1.0 => format!("{} mJ", rate(joules * 1e3)),
        _ => format!("{} J", rate(joules)),
    }
}

/// How each machine is loaded: "native on cpu, 4 instances of 1 thread, batch 256".
pub(in crate::report) fn how(choice: &Choice) -> String {
    let Choice { backend, device, precision, instances, threads, batch, .. } = choice;
    let arithmetic = if precision == "f32" { String::new() } else { format!(" in {precision}") };
    let workers = format!("{} of {}", counted(*instances, "instance"), counted(*threads, "thread"));
    format!("{backend} on {device}{arithmetic}, {workers}, batch {batch}")
}

fn figures(choice: &Choice, question: &Question) -> Vec<Figure> {
    let plain = |value: String| Figure { value, interval: String::new() };
    let unknown = || plain(UNKNOWN.into());
    let speed = choice.images_per_s;
    let time = match (&question.service, &choice.latency_ns, &choice.total_s) {
        (Some(_), Some(ns), _) => {
            let told = |ns: f64| Nanos(ns.round() as u64).to_string();
            Figure { value: told(ns.value), interval: interval(ns, told, "") }
        }
        (None, _, Some(total)) => {
            Figure { value: span(total.value), interval: span_interval(total) }
        }
        _ => unknown(),
    };
    let money = |of: &Estimate| match choice.price.is_known() {
        true => Figure { value: usd(of.value), interval: interval(of, usd, "") },
        false => unknown(),
    };
    vec![
        Figure { value: rate(speed.value), interval: interval(&speed, rate, "") },
        time,
        money(&choice.cost_usd),
        money(&choice.usd_per_million),
        plain(percent(choice.useful_share)),
    ]
}

fn marks(advice: &Advice, place: usize) -> Vec<&'static str> {
    let is = |of: Option<usize>| of == Some(place);
    [
        ("recommended", is(advice.best)),
        ("tie", advice.ties.contains(&place) && !is(advice.best)),
        ("runner-up", is(advice.runner_up)),
        ("fastest", is(advice.fastest)),
        ("front", advice.pareto.contains(&place)),
        ("cheapest", is(advice.best_predicted)),
    ]
    .into_iter()
    .filter_map(|(mark, is)| is.then_some(mark))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn measured_and_predicted_choices_are_never_in_one_table() {
        let advice = fixture::advice();
        let (measured, predicted) = (rows(&advice, true), rows(&advice, false));
        let shown = measured.rows.len() + measured.more + predicted.rows.len() + predicted.more;
        assert_eq!(shown, advice.choices.len());
        for row in &predicted.rows {
            assert!(advice.choices[row.place].basis != Basis::Measured, "{row:?}");
            assert!(!row.marks.contains(&"recommended"), "{row:?}");
        }
        assert!(measured.rows[0].marks.contains(&"recommended"));
    }

    #[test]
    fn a_long_table_keeps_the_choices_with_a_mark() {
        let mut advice = fixture::advice();
        let last = advice.choices[advice.best.unwrap()].clone();
        advice.choices.extend(vec![last; 40]);
        advice.fastest = Some(advice.choices.len() - 1);
        let rows = rows(&advice, true);
        assert!(rows.more > 20 && rows.rows.len() <= LISTED[0] + 5, "{}", rows.rows.len());
        assert_eq!(rows.rows.last().unwrap().place, advice.choices.len() - 1);
    }

    #[test]
    fn every_heading_has_its_figure() {
        for advice in [fixture::advice(), fixture::service_advice()] {
            let headings = headings(&advice).len();
            let all = rows(&advice, true).rows.into_iter().chain(rows(&advice, false).rows);
            assert!(all.map(|row| row.figures.len()).all(|figures| figures == headings));
        }
    }
}
