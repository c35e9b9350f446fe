//! The page's own reckoning of a sizing answer, held to the answer itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use plimsoll::config::catalogue::Catalogue;
use plimsoll::record::{Advice, JobTiming, Question, RunRecord};
use plimsoll::report;
use plimsoll::sizing::{ImagesFrom, Options, advise};
use plimsoll::transform::request::CreateTransformJob;
use serde_json::{Value, json};

/// The part of the page's script that has no page in it.
const RECKONING: &str = include_str!("../src/report/html/js/sizing.js");

const PARTS: [&str; 7] =
    ["choices", "best", "ties", "runner_up", "fastest", "pareto", "best_predicted"];

/// Chromium by one of its names, or a word on why the test is skipped.
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        println!("skipped: no {} on the PATH to reckon in", names.join(", no "));
    }
    found
}

/// What a script gives, run in a page of its own.
fn told(browser: &Path, script: &str) -> Value {
    let scratch = tempfile::tempdir().unwrap();
    let page = scratch.path().join("reckoning.html");
    let text = format!(
        "<!doctype html><meta charset=utf-8><body><pre id=told></pre><script>{script} \
         document.getElementById('told').textContent = JSON.stringify(told()).replaceAll('<', '\\\\u003c');\
         </script>"
    );
    std::fs::write(&page, text).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .arg(format!("--user-data-dir={}", scratch.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let document = String::from_utf8(output.stdout).unwrap();
    let start = document.find("<pre id=\"told\">").unwrap() + "<pre id=\"told\">".len();
    let text = &document[start..start + document[start..].find("</pre>").unwrap()];
    let text = text.replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A run of this machine as it was published.
fn run() -> RunRecord {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/2026-11-22-epyc-2-cores");
    report::open(&path).unwrap()
}

fn answer(question: &Question, timings: &[JobTiming]) -> Advice {
    let options = Options {
        from: ImagesFrom::Memory,
        machine_type: Some("ml.c6i.large".into()),
        now: SystemTime::UNIX_EPOCH,
        checks: vec![],
        seed: 1,
        max_machines: 1_000,
    };
    advise(question, &[run()], timings, &Catalogue::shipped().unwrap(), &options).unwrap()
}

/// What the page's script makes of other questions with what it has of an answer.
fn reckoned(browser: &Path, advice: &Advice, questions: &[Question]) -> Value {
    let ways = [advice.choices.clone(), advice.others.clone()].concat();
    let script = format!(
        "{RECKONING} const told = () => {{ \
           const of = {}; const ways = waysOf(of); \
           const prices = Object.fromEntries(ways.map(({{ choice }}) => [choice.machine_type, choice.price])); \
           return {}.map((question) => answerTo(ways, question, prices)); }};",
        json!({ "question": advice.question, "choices": ways }),
        json!(questions),
    );
    told(browser, &script)
}

/// Holds figures to a billionth of themselves, and everything else to the letter.
fn alike(at: &str, seen: &Value, wanted: &Value) {
    match (seen, wanted) {
        (Value::Number(seen), Value::Number(wanted)) => {
            let (seen, wanted) = (seen.as_f64().unwrap(), wanted.as_f64().unwrap());
            let off = (seen - wanted).abs();
            assert!(off <= 1e-9 * wanted.abs(), "{at}: {seen} is not {wanted}");
        }
        (Value::Array(seen), Value::Array(wanted)) => {
            assert_eq!(seen.len(), wanted.len(), "{at}");
            let pairs = seen.iter().zip(wanted).enumerate();
            pairs.for_each(|(place, (seen, wanted))| alike(&format!("{at}/{place}"), seen, wanted));
        }
        (Value::Object(seen), Value::Object(wanted)) => {
            assert!(seen.keys().eq(wanted.keys()), "{at}: {seen:?}");
            wanted.iter().for_each(|(name, wanted)| {
                alike(&format!("{at}/{name}"), &seen[name], wanted);
            });
        }
        (seen, wanted) => assert_eq!(seen, wanted, "{at}"),
    }
}

fn hold(seen: &Value, wanted: &Advice) {
    let all = serde_json::to_value(wanted).unwrap();
    for part in PARTS {
        alike(&format!("{:?} {part}", wanted.question), &seen[part], &all[part]);
    }
}

fn job(images: u64, deadline_s: Option<f64>, budget_usd: Option<f64>) -> Question {
    Question { images: Some(images), deadline_s, budget_usd, service: None }
}

#[test]
fn the_page_reckons_as_the_answer_did_and_would_for_another_question() {
    let Some(browser) = browser() else { return };
    let asked = job(1_000_000_000, Some(3_600.0), None);
    let advice = answer(&asked, &[]);
    assert!(advice.best.is_some() && advice.choices.len() > 50, "{}", advice.choices.len());
    let questions = [
        asked,
        job(100, None, None),
        job(250_000_000, Some(900.0), None),
        job(20_000_000_000, Some(7_200.0), Some(40.0)),
        job(5_000_000_000, None, Some(2.0)),
    ];
    let seen = reckoned(&browser, &advice, &questions);
    for (place, question) in questions.iter().enumerate() {
        hold(&seen[place], &answer(question, &[]));
    }
}

#[test]
fn times_of_jobs_are_reckoned_with_as_surely_as_the_answer_did() {
    let Some(browser) = browser() else { return };
    let timing = |images: u64, run_s| JobTiming {
        machine_type: Some("ml.c6i.large".into()),
        machines: 1,
        instances: 2,
        threads: 1,
        backend: "native".into(),
        device: "cpu".into(),
        batch: 256,
        images,
        startup_s: 0.4,
        run_s,
        ..JobTiming::default()
    };
    let timings: Vec<JobTiming> = [250, 500, 1_000]
        .into_iter()
        .flat_map(|images| (0..6).map(move |n| (images, n)))
        .map(|(images, n)| {
            timing(images, (0.011 + images as f64 / 41_000.0) * (1.0 + 0.004 * f64::from(n % 3)))
        })
        .collect();
    let asked = job(300_000_000, Some(3_600.0), None);
    let advice = answer(&asked, &timings);
    assert!(advice.best.is_some());
    hold(&reckoned(&browser, &advice, &[asked])[0], &advice);
}

#[test]
fn the_request_on_the_page_is_one_that_sagemaker_takes() {
    let advice = answer(&job(1_000_000, None, None), &[]);
    assert!(advice.best.is_some());
    let page = report::html::render(&run(), Some(&advice)).unwrap();
    let open = "<code id=\"sizing-body\">";
    let start = page.find(open).unwrap() + open.len();
    let body = &page[start..start + page[start..].find("</code>").unwrap()];
    let body = body.replace("<mark>", "").replace("</mark>", "");
    let body = body.replace("&#34;", "\"").replace("&quot;", "\"");
    let request = CreateTransformJob::parse(body.as_bytes()).unwrap();
    request.check().unwrap();
    let best = &advice.choices[advice.best.unwrap()];
    assert_eq!(request.transform_resources.instance_type, best.machine_type);
    assert_eq!(request.transform_resources.instance_count, best.machines);
}
