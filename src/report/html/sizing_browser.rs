//! The sizing section in a real browser, where there is one; see `browser.rs`.

use std::path::Path;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::browser::{Opened, browser, open_page};
use super::large;
use crate::record::{Advice, Question, Service};
use crate::report::fixture::{self, Way, cpu_or_gpu, decided, ways};
use crate::report::{html, sizing};

/// The part of the page's script that has no page in it.
const RECKONING: &str = include_str!("js/sizing.js");

/// What an answer is, beside its words.
const PARTS: [&str; 8] =
    ["choices", "others", "best", "ties", "runner_up", "fastest", "pareto", "best_predicted"];

fn open(browser: &Path, name: &str, advice: &Advice, also: &str, dark: bool) -> Opened {
    let page = html::render(&fixture::run(), Some(advice)).unwrap();
    open_page(browser, name, page, also, "", dark)
}

/// Holds figures to a billionth of themselves, and everything else to the letter.
fn alike(at: &str, seen: &Value, wanted: &Value) {
    match (seen, wanted) {
        (Value::Number(seen), Value::Number(wanted)) => {
            let (seen, wanted) = (seen.as_f64().unwrap(), wanted.as_f64().unwrap());
            let off = (seen - wanted).abs();
            // The page has a tail as what is left of a job of minutes: to a nanosecond, then.
            let scale = if at.contains("/tail_s/") { wanted.abs().max(1.0) } else { wanted.abs() };
            assert!(off <= 1e-9 * scale, "{at}: {seen} is not {wanted}");
        }
        (Value::Array(seen), Value::Array(wanted)) => {
            assert_eq!(seen.len(), wanted.len(), "{at}");
            let pairs = seen.iter().zip(wanted).enumerate();
            pairs.for_each(|(place, (seen, wanted))| alike(&format!("{at}/{place}"), seen, wanted));
        }
        (Value::Object(seen), Value::Object(wanted)) => {
            assert!(seen.keys().eq(wanted.keys()), "{at}: {seen:?}");
            for (name, wanted) in wanted {
                alike(&format!("{at}/{name}"), &seen[name], wanted);
            }
        }
        (seen, wanted) => assert_eq!(seen, wanted, "{at}"),
    }
}

fn parts(advice: &Advice) -> Value {
    let mut all = serde_json::to_value(advice).unwrap();
    // The page has the sentences of a prediction in its markup, and of a price its amount.
    for list in ["choices", "others"] {
        for choice in all[list].as_array_mut().unwrap() {
            let basis = choice["basis"]["basis"].clone();
            choice["basis"] = json!({ "basis": basis });
            choice["price"] = choice["price"]["usd_per_hour"].clone();
        }
    }
    // What meets nothing has no order.
    let others = all["others"].as_array_mut().unwrap();
    others.sort_by_key(|choice| choice["machine_type"].to_string());
    PARTS.iter().map(|part| ((*part).to_owned(), all[*part].clone())).collect()
}

/// What the page reckons for questions and prices, beside the answer that it was made with.
fn reckoned(browser: &Path, advice: &Advice, asked: &[(Question, Value)]) -> Value {
    let also = format!(
        "{RECKONING} const ways = waysOf({}); const asked = {}; tell(asked.map(([question, prices]) => {{ \
           const all = answerTo(ways, question, prices); \
           for (const choice of [...all.choices, ...all.others]) choice.price = choice.price.usd_per_hour; \
           all.others.sort((a, b) => (a.machine_type < b.machine_type ? -1 : 1)); \
           return Object.fromEntries({}.map((part) => [part, all[part]])); }}));",
        sizing::ways(advice),
        serde_json::to_string(asked).unwrap(),
        json!(PARTS),
    );
    let page =
        "<!doctype html><meta charset=utf-8><title>reckoning</title><body><p>reckoning".to_owned();
    open_page(browser, "reckoning.html", page, &also, "", false).seen()
}

fn prices(ways: &[Way]) -> Value {
    let of = |way: &Way| {
        let choice = &way.choice;
        (choice.machine_type.clone(), serde_json::to_value(&choice.price).unwrap())
    };
    ways.iter().map(of).collect()
}

#[test]
fn what_was_asked_is_reckoned_to_the_figures_of_the_answer() {
    let Some(browser) = browser() else { return };
    for advice in [fixture::advice(), fixture::service_advice()] {
        let asked = [(advice.question.clone(), prices(&ways()))];
        alike("", &reckoned(&browser, &advice, &asked)[0], &parts(&advice));
    }
}

#[test]
fn any_other_question_is_answered_as_the_formulas_have_it() {
    let Some(browser) = browser() else { return };
    let mut random = Pcg64::seed_from_u64(7);
    let mut chance = move || random.next_u64() as f64 / u64::MAX as f64;
    let mut asked = Vec::new();
    let mut wanted = Vec::new();
    for round in 0..120 {
        let mut ways = ways();
        for way in &mut ways {
            let dearer = if round % 3 == 0 { 1.0 } else { 0.5 + chance() };
            way.choice.price.usd_per_hour *= dearer;
        }
        let question = Question {
            images: Some(10f64.powf(2.0 + 9.5 * chance()).round() as u64),
            deadline_s: (round % 4 != 0).then(|| 10f64.powf(2.2 + 2.5 * chance())),
            budget_usd: (round % 2 == 0).then(|| 10f64.powf(-2.5 + 3.0 * chance())),
            service: None,
        };
        wanted.push(decided(&ways, &question));
        asked.push((question, prices(&ways)));
    }
    let seen = reckoned(&browser, &fixture::advice(), &asked);
    let kinds = |of: fn(&Advice) -> bool| wanted.iter().filter(|advice| of(advice)).count();
    // The questions are unlike enough to tell a page that always says the same.
    assert!(kinds(|advice| advice.best.is_none()) > 2);
    assert!(kinds(|advice| !advice.others.is_empty() && advice.best.is_some()) > 2);
    assert!(kinds(|advice| advice.best.is_some_and(|at| advice.choices[at].machines > 1)) > 3);
    for (place, wanted) in wanted.iter().enumerate() {
        alike(&format!("{:?}", wanted.question), &seen[place], &parts(wanted));
    }
}

#[test]
fn another_rate_of_requests_and_another_limit_are_answered_too() {
    let Some(browser) = browser() else { return };
    let advice = fixture::service_advice();
    let of = |rate_per_s, limit_ns| Question {
        service: Some(Service { rate_per_s, quantile: 0.99, limit_ns }),
        ..Question::default()
    };
    let questions = [of(5_000.0, 20_000_000), of(1e7, 20_000_000), of(250_000.0, 5_500_000)];
    let asked = questions.clone().map(|question| (question, prices(&ways())));
    let seen = reckoned(&browser, &advice, &asked);
    for (place, question) in questions.iter().enumerate() {
        let wanted = decided(&ways(), question);
        alike(&format!("{question:?}"), &seen[place], &parts(&wanted));
    }
}

/// Reads a table of the section as rows of texts, the first field in its two parts.
const TABLES: &str = "const table = (id) => [...document.querySelectorAll('#sizing-' + id + ' tr')].map((row) => \
    [...row.cells].map((cell) => { const small = cell.querySelector('small')?.textContent ?? ''; \
    const all = cell.textContent; return [all.slice(0, all.length - small.length), small]; })); \
    const set = async (query, value) => { const input = $(query); input.value = value; \
    input.dispatchEvent(new Event('input', { bubbles: true })); await pause(300); };";

/// A table as the page has it after its script took over.
fn table(advice: &Advice, measured: bool) -> Value {
    let rows = sizing::rows(advice, measured).rows.into_iter().map(|row| {
        let figures = row.figures.iter().map(|of| [of.value.clone(), of.interval.clone()]);
        let remark = [row.remark(), String::new()];
        let head = [[row.machines.clone(), row.how.clone()], remark];
        head.into_iter().chain(figures).collect::<Vec<_>>()
    });
    json!(rows.collect::<Vec<_>>())
}

#[test]
fn the_tables_are_those_of_the_answer_and_follow_the_images() {
    let Some(browser) = browser() else { return };
    let advice = fixture::advice();
    let also = format!(
        "{TABLES} await ready(); const seen = () => [table('measured'), table('predicted'), $('#sizing').textContent]; \
         const told = [seen()]; \
         await set('[data-ask=images][type=range]', 7); told.push(seen(), $('[data-ask=images][type=text]').value); \
         await set('[data-ask=images][type=text]', '20B'); await set('[data-ask=deadline_s][type=text]', '20m'); told.push(seen()); \
         await set('[data-price=\"ml.c6i.xlarge\"]', '0.001'); told.push(seen(), $('#sizing-pays').textContent); \
         $('#sizing-reset').click(); await pause(300); told.push(seen()); tell(told);"
    );
    let seen = open(&browser, "sizing-moved.html", &advice, &also, false).seen();
    let shown = |at: usize, wanted: &Advice| {
        assert_eq!(seen[at][0], table(wanted, true));
        assert_eq!(seen[at][1], table(wanted, false));
    };
    shown(0, &advice);
    assert_eq!(seen[0][2], sizing::sentence(&advice));
    let fewer = Question { images: Some(10_000_000), ..advice.question.clone() };
    shown(1, &decided(&ways(), &fewer));
    assert_eq!(seen[2], "10,000,000");
    let many = Question { images: Some(20_000_000_000), deadline_s: Some(1_200.0), ..fewer };
    let wanted = decided(&ways(), &many);
    shown(3, &wanted);
    assert_eq!(seen[3][2], sizing::sentence(&wanted));
    let mut cheap = ways();
    cheap[1].choice.price.usd_per_hour = 0.001;
    let wanted = decided(&cheap, &many);
    assert_eq!(wanted.choices[wanted.best.unwrap()].machine_type, "ml.c6i.xlarge");
    shown(4, &wanted);
    let pays = advice.cpu_or_gpu.as_ref().unwrap();
    let from = crate::units::count(pays.cheaper_from_images.unwrap());
    let told = format!(
        "At these prices, on one machine, ml.g5.xlarge is cheaper than ml.c6i.large from {from} images on."
    );
    assert_eq!(seen[5], told);
    shown(6, &advice);
}

#[test]
fn the_plots_are_drawn_and_a_press_on_a_point_selects_its_choice() {
    let Some(browser) = browser() else { return };
    let advice = fixture::advice();
    let place = advice.runner_up.unwrap();
    let choice = &advice.choices[place];
    let minutes = choice.total_s.unwrap().value / 60.0;
    let also = format!(
        "await ready(); const seen = [$$('.sizing .plot-container').length]; \
         await press('sizing-pareto', {minutes}, {}); await pause(200); \
         seen.push($('#sizing-name').textContent, $('#sizing-picked').textContent, $('tr[aria-current][data-place]').dataset.place, \
           $('#sizing-body').textContent, $('#sizing-command').textContent, \
           $$('#sizing-phases tr').map((row) => [...row.cells].map((cell) => cell.textContent))); tell(seen);",
        choice.cost_usd.value
    );
    for dark in [false, true] {
        let seen = open(&browser, "sizing-pressed.html", &advice, &also, dark).seen();
        assert_eq!(seen[0], 3);
        let name = format!("{}, {}", sizing::machines(choice), sizing::how(choice));
        assert_eq!(seen[1], name);
        assert_eq!(seen[2], format!("Selected: {}.", sizing::machines(choice)));
        assert_eq!(seen[3], place.to_string());
        let job = sizing::job(choice);
        assert_eq!(seen[4], job.body.unwrap_or_default());
        let command = job.command.map(|words| html::command(&words)).unwrap_or_default();
        assert_eq!(seen[5], command);
        assert_eq!(seen[6], json!(sizing::phases(choice)));
    }
}

#[test]
fn a_choice_of_a_cpu_has_its_command_and_its_request() {
    let Some(browser) = browser() else { return };
    let mut advice = fixture::advice();
    advice.question.images = Some(1_000);
    let advice = Advice { question: advice.question.clone(), ..decided(&ways(), &advice.question) };
    let choice = &advice.choices[advice.best.unwrap()];
    assert_eq!(choice.device, "cpu");
    let also = "await ready(); tell([$('#sizing-command').textContent, $('#sizing-body').textContent, \
                $$('#sizing-body mark').map((mark) => mark.textContent), $$('.job[hidden]').length]);";
    let seen = open(&browser, "sizing-job.html", &advice, also, false).seen();
    let job = sizing::job(choice);
    assert_eq!(seen[0], html::command(&job.command.unwrap()));
    assert_eq!(seen[1], job.body.unwrap());
    assert_eq!(seen[2].as_array().unwrap().len(), 4);
    assert_eq!(seen[3], 0);
}

#[test]
fn a_service_has_its_machines_and_no_phases() {
    let Some(browser) = browser() else { return };
    let advice = fixture::service_advice();
    let also = format!(
        "{TABLES} await ready(); const told = [table('measured'), $$('.sizing .plot-container').length]; \
         await set('[data-ask=rate_per_s][type=text]', '9m'); told.push(table('measured')); tell(told);"
    );
    let seen = open(&browser, "sizing-service.html", &advice, &also, false).seen();
    assert_eq!(seen[0], table(&advice, true));
    assert_eq!(seen[1], 1);
    let service = Service { rate_per_s: 9e6, ..advice.question.service.unwrap() };
    let question = Question { service: Some(service), ..advice.question };
    assert_eq!(seen[2], table(&decided(&ways(), &question), true));
}

#[test]
fn a_page_without_room_has_its_section_packed_and_shows_the_same() {
    let Some(browser) = browser() else { return };
    let advice = fixture::advice();
    let run = large::invalid(large::scattered(large::run(400)));
    let page = html::render(&run, Some(&advice)).unwrap();
    assert!(page.contains("id=\"sizing-section\"") && !page.contains("data-ask"));
    let also = format!(
        "{TABLES} await ready(); tell([table('measured'), $('#sizing').textContent, $$('.sizing .plot-container').length]);"
    );
    let seen = open_page(&browser, "sizing-packed.html", page, &also, "", false).seen();
    assert_eq!(seen, json!([table(&advice, true), sizing::sentence(&advice), 3]));
}

#[test]
fn what_cannot_be_read_is_said_and_changes_nothing() {
    let Some(browser) = browser() else { return };
    let advice = fixture::advice();
    let also = format!(
        "{TABLES} await ready(); const input = $('[data-ask=images][type=text]'); const before = table('measured'); const told = []; \
         for (const text of ['', 'ten', '-5', '1e9', '0']) {{ await set('[data-ask=images][type=text]', text); \
           told.push([input.getAttribute('aria-invalid'), $('#sizing-wrong').textContent, JSON.stringify(table('measured')) === JSON.stringify(before)]); }} \
         await set('[data-ask=deadline_s][type=text]', ''); \
         told.push([$('[data-ask=deadline_s][type=text]').getAttribute('aria-invalid'), $('#sizing-wrong').textContent, $('.moved') !== null]); \
         tell(told);"
    );
    let seen = open(&browser, "sizing-wrong.html", &advice, &also, false).seen();
    for bad in &seen.as_array().unwrap()[..5] {
        assert_eq!(*bad, json!(["true", "Write it as 1000, 10k, 2.5M or 1B.", true]));
    }
    assert_eq!(seen[5], json!(["false", "", true]), "no deadline is a question too");
}

#[test]
fn the_crossover_follows_the_prices() {
    let Some(browser) = browser() else { return };
    let advice = fixture::advice();
    let ways = ways();
    let curve = advice.cpu_or_gpu.as_ref().unwrap();
    let mut dearer = ways.clone();
    dearer[4].choice.price.usd_per_hour = 2.5;
    let wanted = cpu_or_gpu(&dearer[0], &dearer[4]);
    assert_ne!(wanted.cheaper_from_images, curve.cheaper_from_images);
    let also = format!(
        "{RECKONING} const of = (prices) => atPrices({}, {}, prices); tell([of({}), of({})]);",
        serde_json::to_string(curve).unwrap(),
        prices(&ways),
        prices(&ways),
        prices(&dearer),
    );
    let page =
        "<!doctype html><meta charset=utf-8><title>reckoning</title><body><p>reckoning".to_owned();
    let seen = open_page(&browser, "crossover.html", page, &also, "", false).seen();
    for (seen, wanted) in [(&seen[0], curve), (&seen[1], &wanted)] {
        alike("curve", &seen["curve"], &json!(wanted.curve));
        // Between two points of the curve the rounding to whole images bends the lines a little.
        let (seen, wanted) = (seen["from"].as_f64().unwrap(), wanted.cheaper_from_images.unwrap());
        assert!((seen / wanted as f64 - 1.0).abs() < 1e-4, "{seen} is not {wanted}");
    }
}

#[test]
fn no_name_of_an_answer_is_run_as_a_script() {
    let Some(browser) = browser() else { return };
    let hostile =
        "</script><img src=x onerror=\"document.title='bad'\"><script>document.title='bad'//";
    let mut advice = fixture::advice();
    for (place, choice) in advice.choices.iter_mut().enumerate() {
        choice.machine_type = format!("ml.{hostile}{}", place % 3);
        choice.backend = hostile.into();
        choice.price.source = hostile.into();
    }
    advice.sentences = vec![hostile.into(); 2];
    advice.warnings = vec![hostile.into()];
    advice.rejected[0].reason = hostile.into();
    advice.checks[0].what = hostile.into();
    let also = "await ready(); for (const open of $$('.sizing .open')) { open.click(); await pause(20); } tell(document.title);";
    let opened = open(&browser, "sizing-hostile.html", &advice, also, false);
    assert!(opened.seen().as_str().unwrap().starts_with("Plimsoll report, "));
    assert!(opened.said.is_empty() && !opened.document.contains("<img"));
}
