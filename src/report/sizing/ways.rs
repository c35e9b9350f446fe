//! What the page's script reckons with: of each way to load a machine type what its choices follow
//! from.

use serde_json::{Value, json};

use crate::record::{Advice, Basis, Choice, Estimate, Phases};

/// Ways that the page reckons with, of those predicted and of those measured. A catalogue of a
/// hundred types has as many predictions, and those that come after these are not worth a look.
const WAYS: [usize; 2] = [12, 16];

/// The answer for the page's script: its question, the ways as `choices` without the figures that
/// are reckoned from the others, and the CPU against the GPU.
pub(in crate::report) fn ways(advice: &Advice) -> Value {
    let marked = [advice.best, advice.runner_up, advice.fastest, advice.best_predicted];
    let marked: Vec<usize> = marked.into_iter().flatten().chain(advice.pareto.clone()).collect();
    let mut ways: Vec<Vec<&Choice>> = Vec::new();
    let mut wanted = Vec::new();
    for (place, choice) in advice.choices.iter().chain(&advice.others).enumerate() {
        match ways.iter().position(|way| same(way[0], choice)) {
            Some(way) => {
                ways[way].push(choice);
                wanted[way] |= marked.contains(&place);
            }
            None => {
                ways.push(vec![choice]);
                wanted.push(marked.contains(&place));
            }
        }
    }
    let mut room = WAYS;
    let kept = ways.into_iter().zip(wanted).filter(|(way, wanted)| {
        let room = &mut room[usize::from(way[0].basis == Basis::Measured)];
        let fits = *room > 0;
        *room -= usize::from(fits);
        fits || *wanted
    });
    let choices = kept.flat_map(|(way, _)| thinned(way, advice.question.images));
    let mut pays = json!(advice.cpu_or_gpu);
    shorten(&mut pays);
    if let Some(fields) = pays.as_object_mut() {
        fields.remove("sentence");
    }
    json!({
        "question": advice.question,
        "choices": choices.map(light).collect::<Vec<_>>(),
        "cpu_or_gpu": pays,
    })
}

/// Whether two choices differ in their count of machines alone.
fn same(a: &Choice, b: &Choice) -> bool {
    let key = |of: &Choice| (of.instances, of.threads, of.batch, of.basis == Basis::Measured);
    key(a) == key(b)
        && a.machine_type == b.machine_type
        && a.backend == b.backend
        && a.device == b.device
        && a.precision == b.precision
}

/// The first choice of a way, and those that an image takes otherwise: how sure a fitted rate is
/// depends on the images.
fn thinned(way: Vec<&Choice>, images: Option<u64>) -> Vec<&Choice> {
    let each = |choice: &Choice| {
        let share = images?.div_ceil(choice.machines.max(1)) as f64;
        let run = choice.phases?.run_s;
        Some([run.value / share, run.low / share, run.high / share])
    };
    let alike = |a: &Choice, b: &Choice| match (each(a), each(b)) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12 * b),
        _ => true,
    };
    let mut kept: Vec<&Choice> = Vec::new();
    for choice in way {
        if !kept.iter().any(|other| alike(other, choice)) {
            kept.push(choice);
        }
    }
    kept
}

/// Seconds of the last batch: the tail without the wait for the slowest machine.
fn last_batch(choice: &Choice) -> Option<Estimate> {
    let Phases { run_s, tail_s, .. } = choice.phases?;
    let late = choice.spread * (2.0 * (choice.machines.max(1) as f64).ln()).sqrt();
    let of = |tail: f64, run: f64| (tail - late * run).max(0.0);
    Some(Estimate {
        value: of(tail_s.value, run_s.value),
        low: of(tail_s.low, run_s.low),
        high: of(tail_s.high, run_s.high),
    })
}

/// A choice without what is reckoned, with its last batch for its tail, and its figures in
/// twelve digits.
fn light(choice: &Choice) -> Value {
    let mut value = json!(choice);
    if let Some(fields) = value.as_object_mut() {
        for reckoned in ["total_s", "cost_usd", "usd_per_million"] {
            fields.remove(reckoned);
        }
        if let Some(phases) = fields.get_mut("phases").and_then(Value::as_object_mut) {
            phases.remove("tail_s");
            phases.insert("last_s".into(), json!(last_batch(choice)));
        }
        // Whether there is a price is told by its source.
        let source = if choice.price.is_known() { "listed" } else { "" };
        let price = json!({ "usd_per_hour": choice.price.usd_per_hour, "source": source });
        fields.insert("price".into(), price);
        fields.insert(
            "basis".into(),
            match choice.basis {
                Basis::Measured => json!({ "basis": "measured" }),
                Basis::Predicted { .. } => json!({ "basis": "predicted" }),
            },
        );
    }
    shorten(&mut value);
    value
}

fn shorten(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let short = number.as_f64().and_then(|long| format!("{long:.11e}").parse::<f64>().ok());
            if let Some(short) = short {
                *value = json!(short);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_way_of_many_counts_is_there_once_and_every_way_is() {
        let advice = fixture::advice();
        let of = ways(&advice);
        let kept = of["choices"].as_array().unwrap();
        assert!(
            advice.choices.len() > 2 * kept.len(),
            "{} of {}",
            kept.len(),
            advice.choices.len()
        );
        assert_eq!(kept.len(), fixture::ways().len());
    }

    #[test]
    fn a_rate_that_is_surer_at_some_counts_keeps_them() {
        let mut advice = fixture::advice();
        let before = ways(&advice)["choices"].as_array().unwrap().len();
        let place = advice.choices.iter().position(|choice| choice.machines > 1).unwrap();
        advice.choices[place].phases.as_mut().unwrap().run_s.high *= 1.1;
        assert_eq!(ways(&advice)["choices"].as_array().unwrap().len(), before + 1);
    }

    #[test]
    fn of_a_hundred_predictions_the_cheapest_are_kept_and_the_one_with_a_mark() {
        let mut advice = fixture::advice();
        let place = advice.best_predicted.unwrap();
        let like = advice.choices[place].clone();
        let many = (0..100).map(|n| {
            let mut choice = like.clone();
            choice.machine_type = format!("ml.x{n}.large");
            choice
        });
        advice.choices.extend(many);
        advice.best_predicted = Some(advice.choices.len() - 1);
        let of = ways(&advice);
        let kept: Vec<&str> = of["choices"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|choice| choice["basis"]["basis"] == "predicted")
            .map(|choice| choice["machine_type"].as_str().unwrap())
            .collect();
        assert_eq!(kept.len(), WAYS[0] + 1, "{kept:?}");
        assert_eq!(kept.last(), Some(&"ml.x99.large"));
    }
}
