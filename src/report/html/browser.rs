//! The page in a real browser, where there is one. Set `PLIMSOLL_KEEP_PAGES` to a folder to look
//! at the pages yourself.
//!
//! A test adds a script to a copy of the page; it does what a reader would, and writes what it saw
//! into the document, which the browser then prints.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{island, large};
use crate::record::{Cell, CellRecord, RunRecord, Verdict};
use crate::report::waterfall::{bottleneck, waterfall};
use crate::report::{best, csv, fixture, html, words};
use crate::units::{Nanos, bytes, count, rate};

/// What the scripts of tests share: `ready` when the plots are drawn, `tell` what was seen, and a
/// real press on a plot at a place of its axes.
const READER: &str = r#"
const $ = (query) => document.querySelector(query);
const $$ = (query) => [...document.querySelectorAll(query)];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ready = async () => { while (!document.documentElement.dataset.plots) await pause(20); };
const tell = (seen) => {
  const told = document.createElement("pre");
  told.id = "seen";
  told.textContent = "seen:" + btoa(unescape(encodeURIComponent(JSON.stringify(seen)))) + ":seen";
  document.body.append(told);
};
const press = async (name, x, y) => {
  const plot = $(`[data-plot=${name}]`);
  plot.scrollIntoView();
  await pause(100);
  const { xaxis, yaxis } = plot._fullLayout, at = plot.getBoundingClientRect();
  const place = { clientX: at.left + xaxis._offset + xaxis.c2p(x), clientY: at.top + yaxis._offset + yaxis.c2p(y) };
  const target = plot.querySelector(".nsewdrag");
  for (const kind of ["mousemove", "mousedown", "mouseup"]) {
    const event = new MouseEvent(kind, { ...place, bubbles: true, cancelable: true, view: window, button: 0 });
    (kind === "mouseup" ? document.querySelector(".dragcover") ?? target : target).dispatchEvent(event);
    await pause(100);
  }
};
"#;

/// Chromium by one of its names, or a word on why the test is skipped.
pub(super) fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        println!("skipped: no {} on the PATH to open the page with", names.join(", no "));
    }
    found
}

/// A page that a browser opened.
pub(super) struct Opened {
    /// Its document after its scripts and the reader's ran.
    pub(super) document: String,
    /// What they said on the console.
    pub(super) said: Vec<String>,
}

impl Opened {
    /// What the reader told.
    pub(super) fn seen(&self) -> Value {
        assert_eq!(self.said, [""; 0]);
        let mark = "<pre id=\"seen\">seen:";
        let start = self.document.rfind(mark).expect("the reader told nothing") + mark.len();
        let end = start + self.document[start..].find(":seen").unwrap();
        serde_json::from_slice(&STANDARD.decode(&self.document[start..end]).unwrap()).unwrap()
    }
}

/// Opens a page, with `also` as one more script, at a `#hash`, with the given further flags.
fn open(browser: &Path, name: &str, run: &RunRecord, also: &str, hash: &str, dark: bool) -> Opened {
    open_page(browser, name, html::render(run, None).unwrap(), also, hash, dark)
}

/// The same with a page that is there already.
pub(super) fn open_page(
    browser: &Path,
    name: &str,
    text: String,
    also: &str,
    hash: &str,
    dark: bool,
) -> Opened {
    let scratch = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("PLIMSOLL_KEEP_PAGES").map(PathBuf::from);
    let page = kept.as_deref().unwrap_or(scratch.path()).join(name);
    // No element of its own where there is nothing to say: what the page has is counted.
    let also = match also {
        "" => String::new(),
        also => format!("<script>{READER}(async () => {{ {also} }})();</script>"),
    };
    std::fs::write(&page, text + &also).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=60000", "--dump-dom"])
        .arg("--window-size=1200,1000")
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)))
        .arg(format!("--user-data-dir={}", scratch.path().join("profile").display()))
        .arg(format!("file://{}{hash}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().filter(|line| line.contains("CONSOLE")).map(String::from).collect();
    Opened { document: String::from_utf8(output.stdout).unwrap(), said }
}

fn read(browser: &Path, name: &str, run: &RunRecord, also: &str) -> Value {
    open(browser, name, run, also, "", false).seen()
}

/// results.csv as rows of (column, field).
fn rows(run: &RunRecord) -> Vec<Vec<(String, String)>> {
    let text = csv::cells(run);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = |row: ::csv::StringRecord| {
        header.iter().zip(row.iter()).map(|(name, field)| (name.into(), field.into())).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// A field of results.csv as the page writes it.
fn shown(column: &str, field: &str) -> String {
    if field.is_empty() {
        return words::UNKNOWN.into();
    }
    let number: f64 = field.parse().unwrap();
    match column {
        "throughput_images_per_s" => rate(number),
        "agreement" | "accuracy" => words::percent(number),
        "peak_rss_bytes" => bytes(number as u64),
        _ if column.contains("_ns") => Nanos(number.round() as u64).to_string(),
        _ => field.into(),
    }
}

/// A run with cells of a CUDA device that are faster from batch 8 on.
fn with_cuda() -> RunRecord {
    let mut run = fixture::run();
    let of_cpu: Vec<_> =
        run.cells.iter().filter(|record| record.cell.instances == 1).cloned().collect();
    for mut record in of_cpu.into_iter().filter(|record| record.cell.backend == "torch") {
        record.cell.device = "cuda:0".into();
        let faster = record.cell.batch as f64 / 5.0;
        record.throughput_images_per_s *= faster;
        record.throughput_ci95.0 *= faster;
        record.throughput_ci95.1 *= faster;
        for round in &mut record.rounds {
            round.throughput_images_per_s *= faster;
        }
        run.cells.push(record);
    }
    run.no_cuda = None;
    run
}

#[test]
fn a_browser_draws_every_plot_and_has_nothing_to_complain_of() {
    let Some(browser) = browser() else { return };
    for (name, run) in [("report.html", fixture::run()), ("cuda.html", with_cuda())] {
        for dark in [false, true] {
            let Opened { document, said } = open(&browser, name, &run, "", "", dark);
            assert_eq!(said, [""; 0]);
            assert!(document.contains("data-plots=\"drawn\""), "{} bytes", document.len());
            let plots = document.matches("data-plot=\"").count();
            // Three panels for each of two backends, the harness's own cost, the curves of the best
            // cells, and three plots of the open cell; some more over workers and against CUDA.
            assert!(plots >= 7 + 1 + 3, "{plots}");
            assert_eq!(document.matches("class=\"plot-container").count(), plots);
        }
    }
}

#[test]
fn every_heading_of_the_table_is_a_button() {
    let Some(browser) = browser() else { return };
    let Opened { document, .. } = open(&browser, "buttons.html", &fixture::run(), "", "", false);
    assert_eq!(document.matches("<button type=\"button\">").count(), 17);
    assert_eq!(document.matches("<button type=\"button\" id=\"copy\">").count(), 1);
    assert_eq!(document.matches("<button type=\"button\" class=\"open\"").count(), 58);
}

#[test]
fn a_browser_runs_no_name_as_a_script() {
    let Some(browser) = browser() else { return };
    let hostile =
        "</script><img src=x onerror=\"document.title='bad'\"><script>document.title='bad'//";
    let mut run = fixture::run();
    for (place, record) in run.cells.iter_mut().enumerate() {
        record.cell.backend = format!("{hostile}{}", place % 2);
        record.cell.staging = hostile.into();
        if let Verdict::Invalid(reasons) = &mut record.verdict {
            *reasons = vec![hostile.into()];
        }
    }
    run.warnings = vec![hostile.into()];
    run.host.cpu_model = hostile.into();
    run.config_toml = hostile.into();
    run.no_cuda = Some(hostile.into());
    run.plan.evidence = vec![hostile.into()];
    let also = "await ready(); for (const open of $$('.open')) { open.click(); await pause(5); } \
                $('.chip input').click(); await pause(200); tell(document.title);";
    let opened = open(&browser, "hostile.html", &run, also, "", false);
    assert!(opened.seen().as_str().unwrap().starts_with("Plimsoll report, "));
    let Opened { document, .. } = opened;
    assert!(document.contains("data-plots=\"drawn\""));
    assert!(document.contains("<title>Plimsoll report, ") && !document.contains("<img"));
}

#[test]
fn a_press_on_a_heading_sorts_and_unknown_figures_stay_last() {
    let Some(browser) = browser() else { return };
    let run = fixture::run();
    let press = "await ready(); for (const b of document.querySelectorAll('#cells thead button')) \
                 if (b.textContent.startsWith('p99.9')) { b.click(); b.click(); }";
    let Opened { document, .. } = open(&browser, "sorted.html", &run, press, "", false);
    let table = &document[document.find("<table id=\"cells\">").unwrap()..];
    let table = &table[table.find("<tbody>").unwrap()..table.find("</tbody>").unwrap()];
    let rows: Vec<_> = table.split("<tr").skip(1).collect();
    assert_eq!(rows.len(), run.cells.len());
    let largest = run.cells.iter().filter_map(|record| record.latency.p999_ns).max().unwrap();
    assert!(rows[0].contains(&format!("data-sort=\"{largest}\"")), "{}", rows[0]);
    assert!(rows.last().unwrap().contains("data-sort=\"\">-</td>"), "{}", rows[rows.len() - 1]);
    assert!(document.contains("aria-sort=\"descending\""));
}

#[test]
fn every_figure_of_the_table_is_that_of_the_csv() {
    let Some(browser) = browser() else { return };
    for (name, run) in [("table.html", fixture::run()), ("large.html", large::run(60))] {
        let also = "await ready(); const heads = $$('#cells thead th'); \
                    tell($$('#cells tbody tr').map((row) => heads.flatMap((head, n) => \
                    head.dataset.csv ? [[head.dataset.csv, row.cells[n].dataset.sort, \
                    row.cells[n].textContent.trim()]] : [])));";
        let seen = read(&browser, name, &run, also);
        let seen: Vec<Vec<(String, String, String)>> = serde_json::from_value(seen).unwrap();
        assert_eq!(seen.len(), run.cells.len());
        for (row, fields) in seen.iter().zip(rows(&run)) {
            assert!(row.len() >= 12, "{row:?}");
            for (column, exact, text) in row {
                let (_, field) = fields.iter().find(|(name, _)| name == column).unwrap();
                assert_eq!((exact, text), (field, &shown(column, field)), "{column}");
            }
        }
    }
}

/// What the details of a cell are to show: its name and verdict, reasons, bottleneck, the figures
/// in bold, a line a stage, and the rounds' rates.
fn details(run: &RunRecord, record: &CellRecord) -> Value {
    let is_best = best(&run.cells).is_some_and(|best| std::ptr::eq(best.cell, record));
    let (verdict, reasons) = match &record.verdict {
        Verdict::Valid => ("VALID", vec![]),
        Verdict::Invalid(reasons) => ("INVALID", reasons.clone()),
    };
    let latency = record.latency;
    let spans = [latency.p50_ns, latency.p90_ns, latency.p95_ns, latency.p99_ns, latency.p999_ns];
    let mut figures = vec![rate(record.throughput_images_per_s)];
    figures.extend(spans.map(words::span));
    figures.push(record.peak_rss_bytes.map_or(words::UNKNOWN.into(), bytes));
    figures.push(words::percent(record.agreement));
    let stages = waterfall(run, record).into_iter().map(|bar| {
        let (p50, p99) = (words::span(bar.batch.p50_ns), words::span(bar.batch.p99_ns));
        let share = bar.share_of_ceiling.map_or(words::UNKNOWN.into(), words::percent);
        [bar.name.into(), Nanos(bar.ns_per_image.round() as u64).to_string(), p50, p99, share]
    });
    let rounds = record.rounds.iter().map(|round| match round.throughput_images_per_s {
        slow if slow < 1_000.0 => rate(slow),
        fast => count(fast.round() as u64),
    });
    json!({
        "name": words::cell(&record.cell),
        "verdict": format!("{verdict}{}", if is_best { ", the best" } else { "" }),
        "reasons": reasons,
        "bottleneck": bottleneck(run, record),
        "figures": figures,
        "stages": stages.collect::<Vec<_>>(),
        "rounds": rounds.collect::<Vec<_>>(),
    })
}

/// Reads the details that are open.
const DETAILS: &str = "const details = () => ({ name: $('#cell-name').textContent, \
    verdict: $('#cell-verdict').textContent, \
    reasons: $$('#cell-reasons li').map((li) => li.textContent), \
    bottleneck: $('#cell-bottleneck').textContent, \
    figures: $$('#cell-figures b').map((b) => b.textContent), \
    stages: $$('#cell-stages tr').map((row) => [0, 2, 3, 4, 5].map((n) => row.cells[n].textContent)), \
    rounds: $$('#cell-rounds tr').map((row) => row.cells[2].textContent) });";

#[test]
fn the_details_of_every_cell_are_its_figures() {
    let Some(browser) = browser() else { return };
    for (name, run) in [("details.html", fixture::run()), ("details-large.html", large::run(60))] {
        let also = format!(
            "{DETAILS} await ready(); const seen = [details()]; \
             for (const button of $$('.open')) {{ button.click(); await pause(1); seen.push(details()); }} \
             tell(seen);"
        );
        let seen = read(&browser, name, &run, &also);
        let seen = seen.as_array().unwrap();
        let opened_first = best(&run.cells).unwrap().cell;
        assert_eq!(seen[0], details(&run, opened_first), "the best is open at first");
        assert_eq!(seen.len(), run.cells.len() + 1);
        for (seen, record) in seen[1..].iter().zip(&run.cells) {
            assert_eq!(*seen, details(&run, record));
        }
    }
}

#[test]
fn a_press_on_the_heat_map_or_on_a_point_opens_the_cell() {
    let Some(browser) = browser() else { return };
    let run = fixture::run();
    // Two instances, batch 4 of the second backend; then four instances, batch 64 of the first.
    let fast = run.cells[26].throughput_images_per_s;
    let also = format!(
        "{DETAILS} await ready(); const seen = []; await press('heat-1', 1, 2); \
         seen.push(details(), document.activeElement.id, $('#cell-said').textContent, \
         decodeURIComponent(location.hash), $('#cells tr[aria-current]').dataset.cell); \
         await press('throughput-0', 64, {fast}); seen.push(details()); \
         const curve = $('[data-plot=cell-curve]'); seen.push(curve.data[0].y.length, curve.data[0].y[0]); \
         tell(seen);"
    );
    let seen = read(&browser, "pressed.html", &run, &also);
    let first = run.cells.iter().position(|record| {
        let Cell { backend, instances, batch, .. } = &record.cell;
        (backend.as_str(), *instances, *batch) == ("native", 2, 4)
    });
    let first = first.unwrap();
    assert_eq!(seen[0], details(&run, &run.cells[first]));
    assert_eq!(seen[1], "cell-name", "the focus goes where the details begin");
    assert_eq!(seen[2], "Details of native on cpu, 2 instances of 1 thread, batch 4.");
    assert_eq!(seen[3], "#cell=native/cpu/2/4/1/f32/1/pageable/offline");
    assert_eq!(seen[4], first.to_string());
    assert_eq!(seen[5], details(&run, &run.cells[26]));
    let curve = crate::measure::Recorder::try_from(run.cells[26].latency_histogram.clone());
    let curve = curve.unwrap().curve();
    assert_eq!(seen[6], curve.len());
    let drawn = seen[7].as_f64().unwrap() * 1e6;
    assert!((drawn / curve[0].1 as f64 - 1.0).abs() < 6e-3, "{drawn} is not {}", curve[0].1);
}

#[test]
fn a_link_to_a_cell_opens_it() {
    let Some(browser) = browser() else { return };
    let run = fixture::run();
    let also = format!("{DETAILS} await ready(); tell(details());");
    let hash = "#cell=torch/cpu/2/32/1/f32/1/pageable/offline";
    let seen = open(&browser, "linked.html", &run, &also, hash, false).seen();
    assert_eq!(seen, details(&run, &run.cells[15]));
    let seen = open(&browser, "linked.html", &run, &also, "#cell=torch/of/another/run", false);
    assert_eq!(seen.seen()["verdict"], "VALID, the best");
}

#[test]
fn every_point_of_the_plots_is_a_figure_of_the_csv() {
    let Some(browser) = browser() else { return };
    let run = fixture::run();
    let also = "await ready(); const plot = (name) => $(`[data-plot=${name}]`).data; const seen = []; \
        for (const [name, to] of [['throughput', 0], ['latency', 1], ['heat', 0]]) for (const panel of [0, 1]) \
            plot(`${name}-${panel}`).forEach((trace, n) => trace.customdata?.flat().forEach((place, at) => { \
                if (place === null) return; \
                const figures = trace.z ? [trace.z.flat()[at]] : name === 'latency' ? [trace.y[at]] \
                    : [trace.y[at], trace.y[at] - trace.error_y.arrayminus[at], trace.y[at] + trace.error_y.array[at]]; \
                seen.push([name + (trace.line?.dash === 'dot' ? '-p99' : ''), place, ...figures]); })); \
        tell(seen);";
    let seen = read(&browser, "points.html", &run, also);
    let seen = seen.as_array().unwrap();
    // Each cell is a point of the throughputs, two of the latencies, and a tile.
    let p99 = run.cells.iter().filter(|record| record.latency.p99_ns.is_some()).count();
    assert_eq!(seen.len(), 3 * run.cells.len() + p99);
    for point in seen {
        let record = &run.cells[point[1].as_u64().unwrap() as usize];
        let ms = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e6);
        let rate = Some(record.throughput_images_per_s);
        let expected = match point[0].as_str().unwrap() {
            "throughput" => {
                vec![rate, Some(record.throughput_ci95.0), Some(record.throughput_ci95.1)]
            }
            "latency" => vec![ms(record.latency.p50_ns)],
            "latency-p99" => vec![ms(record.latency.p99_ns)],
            _ => vec![rate.filter(|_| record.verdict == Verdict::Valid)],
        };
        for (seen, expected) in point.as_array().unwrap()[2..].iter().zip(expected) {
            let close = match (seen.as_f64(), expected) {
                (Some(seen), Some(expected)) => (seen / expected - 1.0).abs() < 1e-12,
                (seen, expected) => seen == expected,
            };
            assert!(close, "{point}: {expected:?}");
        }
    }
}

#[test]
fn a_filter_hides_rows_panels_and_lines() {
    let Some(browser) = browser() else { return };
    let run = fixture::run();
    let also = "await ready(); \
        const seen = () => [$$('#cells tbody tr').filter((row) => !row.hidden).length, \
            $$('.plots figure[data-group]').filter((panel) => !panel.hidden && panel.querySelector('[data-plot^=heat]')).length, \
            ['own-cost', 'curves'].map((name) => $(`[data-plot=${name}]`).data.filter((trace) => trace.visible !== false).length), \
            $('#shown').textContent]; \
        const told = [seen()]; $('.chip input[value=torch]').click(); await pause(500); told.push(seen()); \
        $('.chip input[value=torch]').click(); await pause(500); told.push(seen()); tell(told);";
    let seen = read(&browser, "filtered.html", &run, also);
    let all = json!([58, 2, [3, 2], ""]);
    assert_eq!(seen, json!([all, [29, 1, [2, 1], "29 of 58 cells are shown."], all]));
}

#[test]
fn the_axes_change_at_a_press_and_back() {
    let Some(browser) = browser() else { return };
    let also = "await ready(); const type = (name, axis) => $(`[data-plot=${name}]`)._fullLayout[axis].type; \
        const seen = () => [type('throughput-0', 'xaxis'), type('throughput-1', 'yaxis'), type('latency-1', 'yaxis'), \
            $$('[data-axis]').map((button) => button.getAttribute('aria-pressed'))]; \
        const told = [seen()]; \
        for (const times of [1, 2]) { for (const b of $$('[data-axis]')) b.click(); await pause(500); told.push(seen()); } tell(told);";
    let seen = read(&browser, "axes.html", &fixture::run(), also);
    let before = json!(["log", "linear", "log", ["true", "false", "true"]]);
    let after = json!(["linear", "log", "linear", ["false", "true", "false"]]);
    assert_eq!(seen, json!([before, after, before]));
}

#[test]
fn light_and_dark_have_lines_and_paper_of_their_own() {
    let Some(browser) = browser() else { return };
    let also = "await ready(); tell([$('[data-plot=throughput-0]').data[0].line.color, \
                getComputedStyle(document.body).backgroundColor]);";
    let colours = |dark| open(&browser, "themed.html", &fixture::run(), also, "", dark).seen();
    assert_eq!(colours(false), json!(["#0b6aa2", "rgb(251, 250, 246)"]));
    assert_eq!(colours(true), json!(["#5db1e8", "rgb(13, 23, 32)"]));
}

#[test]
fn a_run_without_a_valid_cell_opens_its_first_and_an_empty_one_is_quiet() {
    let Some(browser) = browser() else { return };
    let run = large::invalid(large::run(20));
    let also = format!(
        "{DETAILS} await ready(); tell([details(), $('[data-plot=curves]').closest('section').hidden]);"
    );
    let seen = read(&browser, "invalid.html", &run, &also);
    assert_eq!(seen[0], details(&run, &run.cells[0]));
    assert_eq!(seen[1], true, "there is nothing to compare");
    let seen = read(
        &browser,
        "empty.html",
        &fixture::empty(),
        "await pause(50); tell($('h1').textContent);",
    );
    assert_eq!(seen, "No cell was measured.");
}

#[test]
fn what_is_compared_is_the_best_of_each_panel() {
    let run = fixture::run();
    let answer = words::answer(&run);
    let parts = super::page::Parts::of(&run, &answer);
    let island = island::island(&run, None, &parts);
    assert_eq!((&island["best"], &island["compare"]), (&json!(27), &json!([27, 56])));
    assert_eq!(island["cells"]["curves"].as_array().unwrap().len(), run.cells.len());
}
