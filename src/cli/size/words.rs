//! An answer on the terminal.

use comfy_table::CellAlignment::{Left, Right};

use crate::cli::output::{note, one_line, say};
use crate::cli::table::table;
use crate::error::Result;
use crate::record::{Advice, Basis, Choice, Rejection};
use crate::sizing::words::{percent, time, usd};
use crate::units::{self, Nanos};

/// Choices that are shown, of those measured and of those predicted.
const SHOWN: usize = 10;

/// Machine types that a reason is told for by name.
const NAMED: usize = 6;

/// Says the answer, and then what it was taken from.
pub(super) fn tell(advice: &Advice) -> Result<()> {
    for sentence in &advice.sentences {
        say(one_line(sentence))?;
    }
    let (measured, predicted): (Vec<usize>, Vec<usize>) = (0..advice.choices.len())
        .partition(|&place| advice.choices[place].basis == Basis::Measured);
    part(advice, "Measured", &measured)?;
    part(advice, "Predicted, not measured", &predicted)?;
    if !advice.rejected.is_empty() {
        say("\nRejected")?;
        for line in by_reason(&advice.rejected) {
            say(one_line(line))?;
        }
    }
    for warning in &advice.warnings {
        note(one_line(format_args!("warning: {warning}")));
    }
    Ok(())
}

/// A table of some of the choices: of each machine type the cheapest count first.
fn part(advice: &Advice, title: &str, places: &[usize]) -> Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let shown = shown(advice, places);
    let more = places.len() - shown.len();
    let and = if more > 0 { format!(" ({more} more in advice.json)") } else { String::new() };
    say(format_args!("\n{title}{and}"))?;
    let header = [
        ("", Left),
        ("machines", Left),
        ("time", Right),
        ("cost", Right),
        ("$/million", Right),
        ("useful", Right),
        ("images/s each", Right),
        ("loaded by", Left),
    ];
    let rows: Vec<Vec<String>> = shown.iter().map(|&place| row(advice, place)).collect();
    say(table(&header, &rows))
}

/// Those that have a name in the answer and then, up to a page, the cheapest.
fn shown(advice: &Advice, places: &[usize]) -> Vec<usize> {
    let named = |place: &usize| !role(advice, *place).is_empty();
    let mut shown: Vec<usize> = places.iter().copied().filter(named).take(SHOWN).collect();
    let others: Vec<usize> = places.iter().copied().filter(|place| !named(place)).collect();
    shown.extend(others.into_iter().take(SHOWN.saturating_sub(shown.len())));
    shown.sort_unstable();
    shown
}

fn row(advice: &Advice, place: usize) -> Vec<String> {
    let choice = &advice.choices[place];
    let priced = |amount: f64| if choice.price.is_known() { usd(amount) } else { "-".into() };
    let time = match (choice.total_s, choice.latency_ns) {
        (Some(total), _) => time(total.value),
        (None, Some(latency)) => Nanos(latency.value as u64).to_string(),
        (None, None) => "-".into(),
    };
    vec![
        role(advice, place).into(),
        format!("{} x {}", choice.machines, choice.machine_type),
        time,
        priced(choice.cost_usd.value),
        priced(choice.usd_per_million.value),
        percent(choice.useful_share),
        units::rate(choice.images_per_s.value),
        loaded(choice),
    ]
}

/// What a choice is in the answer.
fn role(advice: &Advice, place: usize) -> &'static str {
    let is = |of: Option<usize>| of == Some(place);
    match () {
        () if is(advice.best) => "take",
        () if is(advice.runner_up) => "runner-up",
        () if is(advice.best_predicted) => "cheapest",
        () if is(advice.fastest) => "fastest",
        () => "",
    }
}

/// "native, 4 x 1 thread, batch 128".
fn loaded(choice: &Choice) -> String {
    let threads = units::counted(choice.threads, "thread");
    let device = if choice.device == "cpu" { "" } else { " on a GPU" };
    format!("{}{device}, {} x {threads}, batch {}", choice.backend, choice.instances, choice.batch)
}

/// Reasons, each with the machine types that it applies to.
fn by_reason(rejected: &[Rejection]) -> Vec<String> {
    let mut groups: Vec<(String, &Rejection, Vec<&str>)> = Vec::new();
    for rejection in rejected {
        let general = general(rejection);
        match groups.iter_mut().find(|(known, ..)| *known == general) {
            Some((.., names)) => names.push(&rejection.what),
            None => groups.push((general, rejection, vec![&rejection.what])),
        }
    }
    let line = |(_, first, names): &(String, &Rejection, Vec<&str>)| {
        let listed = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMED);
        let and = if more > 0 { format!(" and {more} more") } else { String::new() };
        let of = if names.len() > 1 { " (said of the first)" } else { "" };
        format!("  {listed}{and}: {}{of}", first.reason)
    };
    groups.iter().map(line).collect()
}

/// A reason without its figures and without the machine's name.
fn general(rejection: &Rejection) -> String {
    let text = rejection.reason.replace(&rejection.what, "");
    text.split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_figures_and_names_are_told_once() {
        let of = |what: &str, reason: String| Rejection { what: what.into(), reason };
        let rejected = [
            of("ml.g5.xlarge", "no GPU was measured; measure it: --label ml.g5.xlarge".into()),
            of("ml.m5.large", "even 10 machines take 3.1 h".into()),
            of("ml.p4d", "no GPU was measured; measure it: --label ml.p4d".into()),
        ];
        assert_eq!(
            by_reason(&rejected),
            [
                "  ml.g5.xlarge, ml.p4d: no GPU was measured; measure it: --label ml.g5.xlarge \
                 (said of the first)",
                "  ml.m5.large: even 10 machines take 3.1 h",
            ]
        );
    }
}
