//! The page, put together.

use askama::Template;

use super::charts::{self, Group, Scales};
use super::grid::{self, Table};
use super::sections::{self, Curve, Listed, Pair};
use super::view::{self, Tile};
use super::{island, pack, script, sizing};
use crate::error::{Error, Result};
use crate::record::{Advice, CellRecord, RunRecord, Verdict};
use crate::report::scaling::{self, Scaling};
use crate::report::versus::{self, Versus};
use crate::report::waterfall::bottleneck;
use crate::report::words::{self, Answer};
use crate::units::{count, counted, rate};

/// What stands in the page as it is: it unpacks the rest.
const LOADER: &str = include_str!("js/unpack.js");

/// The page's own script, in the order of use; that of a sizing answer stands before its end, which
/// starts it all.
const CODE: &str = concat!(
    "\"use strict\";\n(async () => {\n",
    include_str!("js/figures.js"),
    include_str!("js/table.js"),
    include_str!("js/plots.js"),
    include_str!("js/cell-plots.js"),
    include_str!("js/cell.js"),
    include_str!("js/filter.js"),
);

/// Its end.
const MAIN: &str = concat!(include_str!("js/main.js"), "})();\n");

/// The script of a sizing answer.
const SIZING_CODE: &str = concat!(
    include_str!("js/sizing.js"),
    include_str!("js/sizing-page.js"),
    include_str!("js/sizing-plots.js"),
);

/// A larger page has its sizing section packed: few can mail or open more than two megabytes.
const ROOM: usize = 1_960_000;

/// Comparisons, and scaling curves, that are drawn. A run of dozens of backends and precisions has
/// dozens of each, and nobody looks at them all.
const DRAWN: usize = 6;

#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
struct Page<'a> {
    css: String,
    loader: &'static str,
    /// The page's own script, plotly's, and what they read; all packed, and empty where there is
    /// nothing to draw.
    code: String,
    plotly: &'static str,
    data: String,
    run: &'a RunRecord,
    answer: &'a Answer<'a>,
    headline: Option<Headline>,
    /// The sizing section, rendered or packed; empty where there is no answer.
    sizing: String,
    notices: Vec<String>,
    chips: Vec<Chips>,
    panels: Vec<Panel>,
    lines_are: &'static str,
    latency_is: &'static str,
    pairs: Vec<Pair<'a>>,
    missing: Option<String>,
    more_pairs: usize,
    curves: Vec<Curve<'a>>,
    more_curves: usize,
    own_cost: Option<String>,
    own_cost_plot: bool,
    ceilings: Vec<(String, String)>,
    table: Table,
    invalid: Listed,
    skipped: Listed,
    plan: String,
    environment: Vec<(&'static str, String)>,
    command: String,
}

/// The recommended cell, large.
struct Headline {
    cell: String,
    rate: String,
    interval: String,
    tiles: Vec<Tile>,
    bottleneck: String,
}

/// The plots of one group of cells.
struct Panel {
    name: String,
    place: usize,
}

/// What can be filtered by: all values of a name.
struct Chips {
    name: &'static str,
    values: Vec<String>,
}

/// What the page is made of, computed once.
pub(super) struct Parts<'a> {
    run: &'a RunRecord,
    answer: &'a Answer<'a>,
    pub(super) groups: Vec<Group<'a>>,
    pub(super) scales: Scales,
    pub(super) pairs: Vec<Versus>,
    pub(super) curves: Vec<Scaling>,
    more_pairs: usize,
    more_curves: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn of(run: &'a RunRecord, answer: &'a Answer<'a>) -> Self {
        let groups = charts::groups(run);
        let scales = charts::scales(&groups);
        let mut pairs = versus::versus(run);
        if pairs.is_empty() {
            pairs = versus::backends(run);
        }
        let mut curves = scaling::scaling(run);
        let more_pairs = pairs.len().saturating_sub(DRAWN);
        let more_curves = curves.len().saturating_sub(DRAWN);
        pairs.truncate(DRAWN);
        curves.truncate(DRAWN);
        Self { run, answer, groups, scales, pairs, curves, more_pairs, more_curves }
    }

    /// The recommended cell and its place in the run.
    pub(super) fn best(&self) -> Option<(usize, &'a CellRecord)> {
        let best = self.answer.best?.cell;
        self.run.cells.iter().enumerate().find(|(_, record)| std::ptr::eq(*record, best))
    }
}

/// The page of a run, and of the answer to a sizing question where there is one.
///
/// # Errors
/// [`Error::Bug`] where the page cannot be put together.
pub fn render(run: &RunRecord, advice: Option<&Advice>) -> Result<String> {
    let answer = words::answer(run);
    let parts = Parts::of(run, &answer);
    let drawn = !run.cells.is_empty();
    let (code, plotly, data) =
        if drawn { packed(run, advice, &parts)? } else { Default::default() };
    let best = answer.best;
    let groups = &parts.groups;
    let panels = groups.iter().enumerate();
    let panels = panels.map(|(place, group)| Panel { name: group.name.clone(), place });
    let mut page = Page {
        css: pack::lean(include_str!("page.css")),
        loader: LOADER,
        code,
        plotly,
        data,
        run,
        headline: best.map(|best| headline(run, best.cell)),
        sizing: advice.map(sizing::section).transpose()?.unwrap_or_default(),
        notices: notices(run),
        chips: chips(run),
        panels: panels.collect(),
        lines_are: if parts.scales.one_thread {
            "instance count"
        } else {
            "pair of instances × threads"
        },
        latency_is: view::latency_is(run),
        pairs: parts.pairs.iter().map(|pair| sections::pair(pair, groups)).collect(),
        missing: versus::versus_missing(run).filter(|_| !run.cells.is_empty()),
        curves: parts.curves.iter().map(|curve| sections::curve(curve, groups)).collect(),
        more_pairs: parts.more_pairs,
        more_curves: parts.more_curves,
        own_cost: view::own_cost(run, best),
        own_cost_plot: !run.own_cost_ns_per_image.is_empty() && !groups.is_empty(),
        ceilings: run.ceilings.as_ref().map(|top| sections::ceilings(run, top)).unwrap_or_default(),
        table: grid::table(run, best),
        invalid: sections::listed(words::invalid(run)),
        skipped: sections::listed(words::skipped(run)),
        plan: sections::plan(run),
        environment: view::environment(run),
        command: view::command(&run.command),
        answer: &answer,
    };
    let bug = |error| Error::Bug(format!("the page cannot be put together: {error}"));
    let text = page.render().map_err(bug)?;
    match advice {
        Some(advice) if text.len() > ROOM => {
            page.sizing = sizing::packed(advice)?;
            page.render().map_err(bug)
        }
        _ => Ok(text),
    }
}

/// What is unpacked in the browser: our script, plotly's, and the data.
fn packed(
    run: &RunRecord,
    advice: Option<&Advice>,
    parts: &Parts<'_>,
) -> Result<(String, &'static str, String)> {
    let sizing = if advice.is_some() { SIZING_CODE } else { "" };
    let code = pack::packed(pack::lean(&[CODE, sizing, MAIN].concat()).as_bytes())?;
    let data = island::island(run, advice, parts).to_string();
    let data = pack::packed(data.as_bytes())?;
    Ok((code, script::packed(), data))
}

fn headline(run: &RunRecord, record: &CellRecord) -> Headline {
    Headline {
        cell: words::cell(&record.cell),
        rate: rate(record.throughput_images_per_s),
        interval: view::interval(record),
        tiles: view::tiles(record),
        bottleneck: bottleneck(run, record),
    }
}

/// Backends and devices to choose from, where there are several.
fn chips(run: &RunRecord) -> Vec<Chips> {
    let of = |name, value: fn(&CellRecord) -> &String| {
        let mut values: Vec<String> = Vec::new();
        for record in &run.cells {
            if !values.contains(value(record)) {
                values.push(value(record).clone());
            }
        }
        Chips { name, values }
    };
    let all = [of("backend", |r| &r.cell.backend), of("device", |r| &r.cell.device)];
    all.into_iter().filter(|chips| chips.values.len() > 1).collect()
}

/// What to know before believing the figures, the gravest first.
fn notices(run: &RunRecord) -> Vec<String> {
    let mut notices = Vec::new();
    if run.synthetic {
        notices.push(format!(
            "These are not MNIST images: {}. Speed carries over, accuracy does not.",
            run.data_source
        ));
    }
    let invalid = run.cells.iter().filter(|record| record.verdict != Verdict::Valid).count();
    if invalid > 0 {
        notices.push(format!(
            "{} of {} are INVALID: their figures may not be used, and nothing is recommended from \
             them. The reasons are below the table.",
            count(invalid as u64),
            counted(run.cells.len(), "cell"),
        ));
    }
    notices.extend(words::warnings(run).map(String::from));
    notices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::record::{Basis, Cell};
    use crate::report::html::large;
    use crate::report::{csv, fixture};

    /// The run with the same text in every place that holds one.
    fn with_every_text(text: &str) -> RunRecord {
        let mut run = fixture::run();
        let list = vec![text.to_owned(); 2];
        let rename = |cell: &mut Cell| {
            for name in
                [&mut cell.backend, &mut cell.device, &mut cell.precision, &mut cell.staging]
            {
                *name = text.into();
            }
        };
        for record in &mut run.cells {
            rename(&mut record.cell);
            if let Verdict::Invalid(reasons) = &mut record.verdict {
                *reasons = list.clone();
            }
        }
        for (cell, reason) in &mut run.skipped {
            rename(cell);
            *reason = text.into();
        }
        let host = &mut run.host;
        for place in [
            &mut run.plimsoll_version,
            &mut run.started,
            &mut run.config_toml,
            &mut run.data_source,
            &mut run.model_source,
            &mut host.cpu_model,
            &mut host.os,
        ] {
            *place = text.into();
        }
        host.isa = list.clone();
        host.native_isa = Some(text.into());
        host.governor = Some(text.into());
        host.machine_type = Some(text.into());
        if let Some(ceilings) = &mut run.ceilings {
            ceilings.isa = text.into();
        }
        run.no_cuda = Some(text.into());
        run.plan.evidence = list.clone();
        host.libtorch = Some(text.into());
        host.git_revision = Some(text.into());
        run.command = list.clone();
        run.warnings = list;
        run.synthetic = true;
        run
    }

    /// The same of an answer.
    fn answer_with_every_text(text: &str) -> Advice {
        let mut advice = fixture::advice();
        for choice in advice.choices.iter_mut().chain(&mut advice.others) {
            for name in [&mut choice.machine_type, &mut choice.backend, &mut choice.precision] {
                *name = text.into();
            }
            if let Basis::Predicted { model, measure_with } = &mut choice.basis {
                (*model, *measure_with) = (text.into(), text.into());
            }
        }
        for rejection in &mut advice.rejected {
            (rejection.what, rejection.reason) = (text.into(), text.into());
        }
        for check in &mut advice.checks {
            (check.at, check.what, check.unit) = (text.into(), text.into(), text.into());
        }
        if let Some(pays) = &mut advice.cpu_or_gpu {
            (pays.cpu, pays.gpu, pays.sentence) = (text.into(), text.into(), text.into());
        }
        advice.sentences = vec![text.into(); 2];
        advice.warnings = vec![text.into(); 2];
        advice
    }

    /// How often the characters that make a page's structure occur outside of our own scripts.
    fn structure(page: &str) -> [usize; 4] {
        let island = page.find("<script type=\"text/plain\" id=\"data\"").unwrap();
        let (markup, scripts) = page.split_at(island);
        let of = |text: &str, c: char| text.matches(c).count();
        [of(markup, '<'), of(markup, '>'), of(markup, '"'), of(scripts, '<')]
    }

    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("</script><script>alert(1)</script>".to_owned()),
            Just("<img src=x onerror=alert(1)>".to_owned()),
            Just("\" onmouseover=\"alert(1)".to_owned()),
            Just("' autofocus onfocus='alert(1)".to_owned()),
            Just("<!--<script>".to_owned()),
            Just("]]>-->{{ run }}{% endif %}".to_owned()),
            Just("&lt;b&gt;\u{2028}\u{0}".to_owned()),
            "\\PC{0,12}",
        ];
        // Text of nothing but spaces leaves a fact out, which is no matter of escaping.
        proptest::collection::vec(piece, 1..4).prop_map(|pieces| format!("x{}", pieces.concat()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_name_changes_the_structure_of_the_page(text in hostile()) {
            let of = |text: &str| {
                render(&with_every_text(text), Some(&answer_with_every_text(text))).unwrap()
            };
            let (plain, page) = (structure(&of("x")), of(&text));
            prop_assert_eq!(structure(&page), plain);
        }

        #[test]
        fn the_scripts_read_back_every_name(text in hostile()) {
            let run = with_every_text(&text);
            let page = render(&run, None).unwrap();
            let open = "id=\"data\">";
            let start = page.find(open).unwrap() + open.len();
            let end = start + page[start..].find("</script>").unwrap();
            let data: Value = serde_json::from_str(&pack::unpacked(&page[start..end])).unwrap();
            prop_assert_eq!(data["csv"].as_str().unwrap(), csv::cells(&run));
        }
    }

    #[test]
    fn the_page_is_small_whole_and_asks_no_network() {
        let page = render(&fixture::run(), None).unwrap();
        assert!(page.len() < 2_000_000, "{} bytes", page.len());
        let (markup, _) = page.split_at(page.find("<script type=\"text/plain\"").unwrap());
        for loader in ["src=", "<link rel=\"stylesheet", "@import", "url("] {
            assert!(!markup.contains(loader), "{loader}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn a_run_of_four_hundred_cells_fits_whatever_became_of_them() {
        for run in [
            large::run(400),
            large::invalid(large::run(400)),
            large::invalid(large::scattered(large::run(400))),
        ] {
            let began = std::time::Instant::now();
            let page = render(&run, None).unwrap();
            println!("rendered in {:?}", began.elapsed());
            let of = |from: &str, to: &str| {
                let start = page.find(from).unwrap();
                start + from.len()..start + page[start..].find(to).unwrap()
            };
            let (data, table) = (of("id=\"data\">", "</script>"), of("<tbody>\n<tr", "</tbody>"));
            let sizes = (page.len(), data.len(), table.len());
            println!("page, data and table: {sizes:?} bytes");
            assert!(page.len() < 2_000_000, "{sizes:?}");
        }
    }

    /// An answer of three measured machine types in eight ways each, and of eighty predicted ones.
    fn large_answer() -> Advice {
        let mut advice = fixture::advice();
        let question = advice.question.clone();
        let mut ways = Vec::new();
        for (at, way) in fixture::ways().into_iter().cycle().take(104).enumerate() {
            let mut way = way;
            way.choice.batch = 8 << (at % 8);
            way.choice.machine_type = format!("ml.x{}.{}xlarge", at / 8, at % 5);
            way.choice.images_per_s.value *= 1.0 + 0.013 * at as f64;
            way.choice.images_per_s.high *= 1.0 + 0.017 * at as f64;
            way.choice.price.usd_per_hour *= 1.0 + 0.011 * at as f64;
            ways.push(way);
        }
        let (warnings, checks, rejected) = (advice.warnings, advice.checks, advice.rejected);
        let cpu_or_gpu = advice.cpu_or_gpu.take();
        let sentences = vec![advice.sentences.concat(); 6];
        let answer = fixture::decided(&ways, &question);
        Advice {
            warnings: vec![warnings.concat(); 5],
            checks: vec![checks; 20].concat(),
            rejected: vec![rejected; 20].concat(),
            cpu_or_gpu,
            sentences,
            ..answer
        }
    }

    #[test]
    fn a_sizing_answer_fits_beside_four_hundred_cells_and_costs_nothing_where_there_is_none() {
        let (answer, usual) = (large_answer(), fixture::advice());
        println!("choices: {}", answer.choices.len());
        for run in [
            fixture::run(),
            large::run(400),
            large::invalid(large::run(400)),
            large::invalid(large::scattered(large::run(400))),
        ] {
            let of = |advice: Option<&Advice>| render(&run, advice).unwrap().len();
            let sizes = [of(None), of(Some(&usual)), of(Some(&answer))];
            println!("without, with a usual, with the largest answer: {sizes:?} bytes");
            assert!(sizes[2] < 2_000_000, "{sizes:?}");
        }
        let page = render(&fixture::run(), None).unwrap();
        for piece in ["id=\"sizing", "said-of-it", "data-ask"] {
            assert!(!page.contains(piece), "a page without an answer has {piece}");
        }
    }

    #[test]
    fn what_a_term_links_to_is_on_the_page() {
        let page = render(&fixture::run(), Some(&fixture::advice())).unwrap();
        let (markup, _) = page.split_at(page.find("<script type=\"text/plain\"").unwrap());
        let targets: Vec<_> = markup.split("href=\"#").skip(1).collect();
        assert!(targets.len() > 25);
        for target in targets {
            let id = &target[..target.find('"').unwrap()];
            assert!(markup.contains(&format!("id=\"{id}\"")), "no {id}");
        }
    }

    #[test]
    fn the_answer_comes_first() {
        let page = render(&fixture::run(), None).unwrap();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
        let order = [
            at("torch on cpu, 4 instances of 1 thread, batch 128</h1>"),
            at("<strong>56,900</strong> images/s"),
            at("Before you believe these figures"),
            at("data-plot=\"throughput-0\""),
            at("data-plot=\"own-cost\""),
            at("<table id=\"cells\">"),
            at("Cells that were skipped"),
            at("plimsoll sweep configs/default.toml"),
        ];
        assert!(order.is_sorted(), "{order:?}");
    }

    #[test]
    fn synthetic_data_are_said_before_any_plot() {
        let mut run = fixture::run();
        let said = "These are not MNIST images";
        assert!(!render(&run, None).unwrap().contains(said));
        run.synthetic = true;
        run.data_source = "synthetic digits, seed 1: not MNIST".into();
        run.warnings.push("the images are synthetic digits, seed 1: not MNIST".into());
        let page = render(&run, None).unwrap();
        assert!(page.find(said).unwrap() < page.find("data-plot").unwrap());
        assert!(!page.contains("the images are synthetic digits"), "said twice");
    }

    #[test]
    fn the_table_is_in_the_page_without_scripts() {
        let run = fixture::run();
        let page = render(&run, None).unwrap();
        assert_eq!(page.matches("<th scope=\"row\">").count(), run.cells.len());
        assert!(page.contains("3 of 1,000 predictions differ"));
        assert!(page.contains("All cells: device cpu, threads 1, precision f32, sessions 1, "));
    }

    #[test]
    fn a_run_of_nothing_is_still_a_page() {
        let page = render(&fixture::empty(), None).unwrap();
        assert!(page.contains("No cell was measured.</h1>") && !page.contains("<table"));
    }
}
