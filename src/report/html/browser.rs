//! The page in a real browser, where there is one. Set `PLIMSOLL_KEEP_PAGES` to a folder to look
//! at the pages yourself.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::record::RunRecord;
use crate::report::{fixture, html};

/// Chromium by one of its names, or a word on why the test is skipped.
fn browser() -> Option<PathBuf> {
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

/// What became of a page: its document after its scripts and `also` ran, and what they said on the
/// console.
fn open(browser: &Path, name: &str, run: &RunRecord, also: &str) -> (String, Vec<String>) {
    let scratch = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("PLIMSOLL_KEEP_PAGES").map(PathBuf::from);
    let page = kept.as_deref().unwrap_or(scratch.path()).join(name);
    let html = html::render(run).unwrap() + &format!("<script>{also}</script>");
    std::fs::write(&page, html).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", scratch.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().filter(|line| line.contains("CONSOLE")).map(String::from).collect();
    (String::from_utf8(output.stdout).unwrap(), said)
}

#[test]
fn a_browser_draws_every_plot_and_has_nothing_to_complain_of() {
    let Some(browser) = browser() else { return };
    let (document, said) = open(&browser, "report.html", &fixture::run(), "");
    assert_eq!(said, [""; 0]);
    assert!(document.contains("data-plots=\"drawn\""), "{} bytes", document.len());
    // Three panels for each of two backends, and the harness's own cost.
    assert_eq!(document.matches("class=\"plot-container").count(), 7);
    assert_eq!(document.matches("<button type=\"button\">").count(), 17);
}

#[test]
fn a_browser_runs_no_name_as_a_script() {
    let Some(browser) = browser() else { return };
    let hostile =
        "</script><img src=x onerror=\"document.title='bad'\"><script>document.title='bad'//";
    let mut run = fixture::run();
    for record in &mut run.cells {
        record.cell.backend = hostile.into();
    }
    run.warnings = vec![hostile.into()];
    run.host.cpu_model = hostile.into();
    run.config_toml = hostile.into();
    let (document, said) = open(&browser, "hostile.html", &run, "");
    assert_eq!(said, [""; 0]);
    assert!(document.contains("data-plots=\"drawn\""));
    assert!(document.contains("<title>Plimsoll report, ") && !document.contains("<img"));
}

#[test]
fn a_press_on_a_heading_sorts_and_unknown_figures_stay_last() {
    let Some(browser) = browser() else { return };
    let run = fixture::run();
    let press = "for (const b of document.querySelectorAll('thead button')) \
                 if (b.textContent.startsWith('p99.9')) { b.click(); b.click(); }";
    let (document, _) = open(&browser, "sorted.html", &run, press);
    let table = &document[document.find("<tbody>").unwrap()..document.find("</tbody>").unwrap()];
    let rows: Vec<_> = table.split("<tr").skip(1).collect();
    assert_eq!(rows.len(), run.cells.len());
    let largest = run.cells.iter().filter_map(|record| record.latency.p999_ns).max().unwrap();
    assert!(rows[0].contains(&format!("data-sort=\"{largest}\"")), "{}", rows[0]);
    assert!(rows.last().unwrap().contains("data-sort=\"\">-</td>"), "{}", rows[rows.len() - 1]);
    assert!(document.contains("aria-sort=\"descending\""));
}
