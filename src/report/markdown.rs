//! `report.md`: a run in Markdown, to be pasted into an issue.

use super::best::{cores, faster};
use super::groups::{groups, valid};
use super::waterfall::peak_shares;
use super::{html, scaling, sizing, versus, words};
use crate::record::{Advice, Cell, CellRecord, RunRecord};
use crate::units::{bytes, counted, rate};

/// Rows of the table.
const SHOWN: usize = 12;

/// Choices of a sizing answer, measured and predicted.
const CHOICES: [usize; 2] = [6, 3];

/// The run: the answer, that to a sizing question where there is one, what to know before believing it, the best cells, what is wrong with the
/// others, the machine and the command.
pub(super) fn render(run: &RunRecord, advice: Option<&Advice>) -> String {
    let answer = words::answer(run);
    let best = answer.best.map(|best| &best.cell.cell);
    let mut parts = vec![format!("**{}**", escaped(&answer.sentence))];
    parts.extend(answer.tie.as_deref().map(escaped));
    parts.extend(advice.map(sized));
    parts.extend(notices(run));
    parts.extend(table(run, best));
    parts.extend(comparisons(run));
    parts.extend(used(run));
    parts.extend(folded("INVALID", words::by_reason(words::invalid(run))));
    parts.extend(folded("skipped", words::by_reason(words::skipped(run))));
    parts.push(escaped(&environment(run)));
    parts.push(fenced(&html::command(&run.command)));
    parts.join("\n\n") + "\n"
}

/// The answer to a sizing question: its sentences, warnings, and the first of its choices.
fn sized(advice: &Advice) -> String {
    let mut lines = vec![format!("**Sizing, {}.** ", escaped(&sizing::asked(&advice.question)))];
    lines[0].push_str(&escaped(&advice.sentences.join(" ")));
    lines.push(String::new());
    let warnings = advice.warnings.iter().map(|text| format!("- Warning: {}", escaped(text)));
    lines.extend(warnings.chain(Some(String::new())));
    let headings = sizing::headings(advice);
    let names = headings.iter().map(|of| format!("{} {}", of.title, of.hint));
    lines.push(format!("| machines | {} | |", names.collect::<Vec<_>>().join(" | ")));
    lines.push(format!("| --- |{} --- |", " ---: |".repeat(headings.len())));
    for (measured, most) in [true, false].into_iter().zip(CHOICES) {
        for row in sizing::rows(advice, measured).rows.into_iter().take(most) {
            let figures = row.figures.iter().map(|of| match of.interval.as_str() {
                "" => of.value.clone(),
                interval => format!("{} ({interval})", of.value),
            });
            let remark = row.remark();
            let machines = escaped(&format!("{}, {}", row.machines, row.how));
            let fields: Vec<String> = Some(machines).into_iter().chain(figures).collect();
            lines.push(format!("| {} | {remark} |", fields.join(" | ")));
        }
    }
    lines.join("\n").replace("\n\n\n", "\n\n")
}

/// What each backend made of the machine's multiply-adds.
fn used(run: &RunRecord) -> Option<String> {
    let of = |(name, says): (String, String)| format!("{name} {says}");
    let shares: Vec<String> = peak_shares(run).into_iter().map(of).collect();
    let all = escaped(&shares.join("; "));
    (!shares.is_empty()).then(|| format!("Share of the multiply-add peak of this run: {all}."))
}

/// What to know before believing the figures, as a list.
fn notices(run: &RunRecord) -> Option<String> {
    let data = run.synthetic.then(|| format!("Data: {}", run.data_source));
    let warnings = words::warnings(run).map(|text| format!("Warning: {text}"));
    let lines: Vec<String> =
        data.into_iter().chain(warnings).map(|text| format!("- {}", escaped(&text))).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The fastest VALID cell of each group and each count of instances and threads, fastest first.
fn table(run: &RunRecord, best: Option<&Cell>) -> Option<String> {
    let mut rows: Vec<&CellRecord> = Vec::new();
    for group in groups(run) {
        let mut ranked: Vec<&CellRecord> =
            group.cells.into_iter().filter(|record| valid(record)).collect();
        ranked.sort_by(|a, b| faster(a, b));
        let mut seen = Vec::new();
        ranked.retain(|record| {
            let workers = (record.cell.instances, record.cell.threads);
            let first = !seen.contains(&workers);
            seen.push(workers);
            first
        });
        rows.extend(ranked);
    }
    if rows.is_empty() {
        return None;
    }
    rows.sort_by(|a, b| faster(a, b));
    let all = rows.len();
    rows.truncate(SHOWN);
    let mut lines = vec![
        "| cell | cores | images/s | interval | p50 | p99 | memory | |".to_owned(),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |".to_owned(),
    ];
    for record in rows {
        let unknown = || words::UNKNOWN.to_owned();
        let fields = [
            escaped(&words::cell(&record.cell)),
            cores(record).to_string(),
            rate(record.throughput_images_per_s),
            words::plus_minus(record).unwrap_or_else(unknown),
            words::span(record.latency.p50_ns),
            words::span(record.latency.p99_ns),
            record.peak_rss_bytes.map_or_else(unknown, bytes),
            if best == Some(&record.cell) { "best".into() } else { String::new() },
        ];
        lines.push(format!("| {} |", fields.join(" | ")));
    }
    let mut text = lines.join("\n");
    if all > SHOWN {
        text.push_str(&format!("\n\nThe first {SHOWN} of {all}; results.csv has every cell."));
    }
    Some(text)
}

/// What a GPU, another backend, and more workers bring.
fn comparisons(run: &RunRecord) -> Option<String> {
    let cuda = versus::versus(run).into_iter().map(|versus| versus.sentence);
    let missing = versus::versus_missing(run);
    let backends = versus::backends(run).into_iter().map(|versus| versus.sentence);
    let scaling = scaling::scaling(run)
        .into_iter()
        .map(|curve| format!("{}: {}", curve.name, curve.sentence));
    if run.cells.is_empty() {
        return None;
    }
    let lines: Vec<String> = cuda
        .chain(missing)
        .chain(backends)
        .chain(scaling)
        .map(|text| format!("- {}", escaped(&text)))
        .collect();
    Some(lines.join("\n"))
}

/// Reasons with their cells, folded away.
fn folded(what: &str, reasons: Vec<(String, Vec<String>)>) -> Option<String> {
    if reasons.is_empty() {
        return None;
    }
    let mut cells: Vec<&String> = reasons.iter().flat_map(|(_, names)| names).collect();
    cells.sort();
    cells.dedup();
    let lines: Vec<String> = reasons
        .iter()
        .map(|(reason, names)| format!("- {}: {}", escaped(reason), escaped(&names.join("; "))))
        .collect();
    Some(format!(
        "<details><summary>{} {what}</summary>\n\n{}\n\n</details>",
        counted(cells.len(), "cell"),
        lines.join("\n"),
    ))
}

/// The machine and the versions in a line.
fn environment(run: &RunRecord) -> String {
    let host = &run.host;
    let facts = [
        host.machine_type.clone(),
        Some(host.cpu_model.clone()),
        Some(counted(host.cores, "core")),
        host.cgroup_cpus.map(|cpus| format!("{cpus} granted")),
        Some(bytes(host.memory_bytes)),
        host.cgroup_memory_bytes.map(|granted| format!("{} granted", bytes(granted))),
        host.native_isa.clone(),
        host.governor.as_ref().map(|governor| format!("governor {governor}")),
        Some(host.os.clone()),
        host.libtorch.as_ref().map(|version| format!("libtorch {version}")),
        Some(format!("Plimsoll {}", run.plimsoll_version)),
        host.git_revision.as_ref().map(|revision| format!("revision {revision}")),
        Some(run.data_source.clone()),
        // What is known of its training is in the record.
        run.model_source.split(" (").next().map(String::from),
        Some(format!("seed {}", run.seed)),
        Some(run.started.clone()),
    ];
    let facts = facts.into_iter().flatten().filter(|fact| !fact.is_empty());
    format!("Environment: {}", facts.collect::<Vec<_>>().join(", "))
}

/// A text that Markdown shows as it is, in one line: no markup, no table's end, no HTML, no mention
/// of a person or an issue.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            // Cut in two, for a host looks for names after it has taken backslashes away.
            '@' => out.push_str("@<!-- -->"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '$' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A text as code, behind a fence that is longer than any row of backticks in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}sh\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_run_reads_like_this() {
        let mut invalid = fixture::cell("native", 1, 64);
        invalid.verdict = crate::record::Verdict::Invalid(vec!["predictions differ".into()]);
        let run = RunRecord {
            cells: vec![fixture::cell("torch", 2, 128), fixture::cell("torch", 2, 64), invalid],
            warnings: vec!["the machine was busy".into()],
            ..fixture::empty()
        };
        let text = render(&run, None);
        let want = "\
**Best: torch on cpu, 2 instances of 1 thread, batch 64: 20,000 images/s (±1.0%), p50 12.0 ms a \
batch.**

- Warning: the machine was busy

| cell | cores | images/s | interval | p50 | p99 | memory | |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| torch on cpu, 2 instances of 1 thread, batch 64 | 2 | 20,000 | ±1.0% | 12.0 ms | - | 286 MiB | best |

";
        let (table, rest) = text.split_at(want.len().min(text.len()));
        assert_eq!(table, want, "{text}");
        for piece in [
            "- There is no comparison of the CPU with CUDA: no CUDA driver was found",
            "<details><summary>1 cell INVALID</summary>\n\n- predictions differ: native on cpu",
            "Environment: ml.c6i.large, Intel(R) Xeon(R) Processor @<!-- --> 2.80GHz, 4 cores, ",
            "```sh\nplimsoll sweep configs/default.toml --out reports/latest\n```\n",
        ] {
            assert!(rest.contains(piece), "{piece} is not in {rest}");
        }
    }

    #[test]
    fn a_whole_run_is_short_enough_to_paste() {
        let text = render(&fixture::run(), None);
        assert!(text.len() < 6_000, "{} bytes", text.len());
        assert_eq!(text.lines().filter(|line| line.ends_with("| best |")).count(), 1, "{text}");
        assert!(text.contains("<details><summary>5 cells INVALID</summary>"), "{text}");
        assert!(text.contains("<details><summary>2 cells skipped</summary>"), "{text}");
    }

    #[test]
    fn a_sizing_answer_comes_after_the_headline_with_its_choices() {
        let advice = fixture::advice();
        let text = render(&fixture::run(), Some(&advice));
        let at = |piece: &str| text.find(piece).unwrap_or_else(|| panic!("no {piece} in {text}"));
        let order = [
            at("**Best: "),
            at("**Sizing, 1,000,000,000 images within 60.0 min.** Take "),
            at("- Warning: the price of ml.m5.xlarge"),
            at("| machines | images/s a machine | time "),
            at(" | recommended"),
            at(" | predicted, cheapest |"),
            at("| cell | cores |"),
        ];
        assert!(order.is_sorted(), "{order:?} {text}");
        assert!(text.len() < 9_000, "{} bytes", text.len());
    }

    #[test]
    fn a_run_of_nothing_says_so() {
        assert!(
            render(&fixture::empty(), None).starts_with("**No cell was measured.**\n\nEnvironment")
        );
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("a"), "```sh\na\n```");
        assert_eq!(fenced("a````b"), "`````sh\na````b\n`````");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_name_brings_markup_html_or_lines_of_its_own(
            name in "[a-z|`<>&*_@#\\\\\\[\\]~$\n\r\t]{1,20}",
        ) {
            let mut run = fixture::run();
            let plain = render(&run, None).lines().count();
            run.cells.iter_mut().for_each(|record| record.cell.backend.clone_from(&name));
            run.skipped.iter_mut().for_each(|(_, reason)| reason.clone_from(&name));
            run.warnings = vec![name.clone()];
            run.host.os.clone_from(&name);
            let text = render(&run, None);
            // The backends are one now, which brings fewer lines; never more.
            prop_assert!(text.lines().count() <= plain, "{}", text);
            let mut advice = fixture::advice();
            let plain = render(&run, Some(&advice)).lines().count();
            for choice in &mut advice.choices {
                choice.machine_type.clone_from(&name);
                choice.backend.clone_from(&name);
            }
            advice.sentences.iter_mut().chain(&mut advice.warnings).for_each(|text| text.clone_from(&name));
            let text = render(&run, Some(&advice));
            // One name of several types has fewer rows.
            prop_assert!(text.lines().count() <= plain, "{}", text);
            let escaped = escaped(&name);
            let mut rest = escaped.replace("@<!-- -->", "").replace("&amp;", "");
            for c in "\\`*_[]<>|~$#".chars() {
                rest = rest.replace(&format!("\\{c}"), "");
            }
            prop_assert!(!rest.contains(|c: char| "\\`*_[]<>|~$#&@\n\r".contains(c)), "{}", rest);
        }
    }
}
