// One cell, close up: what is read of it.
const KEY = [
  "backend", "device", "instances", "batch", "threads", "precision", "sessions", "staging", "scenario",
];
const slug = (row) => KEY.map((name) => encodeURIComponent(row[name])).join("/");

const PERCENTILES = [["p50", "p50"], ["p90", "p90"], ["p95", "p95"], ["p99", "p99"], ["p99.9", "p999"]];

const whole = (per) => (per < 1000 ? rate(per) : count(Math.round(per)));

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// The stages of a cell: the times of its own are in its row, those of a job are the run's.
function barsOf(data, row, place) {
  return data.cells.bars[place].map(([name, share, ceiling, device, ofRun]) => {
    const own = ["_ns_per_image", "_batch_p50_ns", "_batch_p99_ns"];
    const [ns, p50, p99] = ofRun ? data.job[name] : own.map((column) => figure(row, name + column));
    return { name, ns, p50, p99, share, ceiling, device, ofRun };
  });
}

function roundsOf({ cells: { at, rates, steady } }, place) {
  return { at: at[place], rates: rates[place], steady: steady[place] };
}

// A row has its reasons in one text, with a semicolon and a space between them.
function reasonsOf(data, row, place) {
  let at = 0;
  return data.cells.reasons[place].map((length) => row.reasons.slice(at, (at += length + 2) - 2));
}

// Fills the panel; `place` is the cell's in the run.
function show(data, rows, place) {
  const row = rows[place];
  const by = (id) => document.getElementById(id);
  by("cell-name").textContent = data.cells.names[place];
  by("cell-verdict").textContent = row.verdict + (place === data.best ? ", the best" : "");
  by("cell-verdict").className = row.verdict === "INVALID" ? "verdict bad" : "verdict";
  const reasons = reasonsOf(data, row, place);
  by("cell-reasons").replaceChildren(...reasons.map((textContent) => element("li", { textContent })));
  by("cell-bottleneck").textContent = data.cells.bottlenecks[place];
  by("cell-figures").replaceChildren(...tiles(row));
  by("cell-stages").replaceChildren(...barsOf(data, row, place).map(stageRow));
  const { at, rates, steady } = roundsOf(data, place);
  by("cell-rounds").replaceChildren(...rates.map((per, n) => tableRow(n, [
    [count(at[n]) + " s"], [whole(per)], [steady[n] ? "yes" : "no", "t"],
  ])));
  for (const line of document.querySelectorAll("#cells tbody tr")) {
    if (line.dataset.cell === String(place)) line.setAttribute("aria-current", "true");
    else line.removeAttribute("aria-current");
  }
}

function tiles(row) {
  const tile = (title, bold, remark) => element("div", {},
    element("dt", { textContent: title }),
    element("dd", {}, element("b", { textContent: bold }), element("span", { textContent: remark })));
  const of = (column) => figure(row, column);
  const [low, high] = ["low", "high"].map((end) => rate(of("throughput_ci95_" + end + "_images_per_s")));
  const spans = PERCENTILES.map(([title, column]) => {
    const ns = of("latency_" + column + "_ns");
    const remark = column === "p50" ? "of " + count(row.latency_samples) : "";
    return tile(title, nanos(ns), ns === null ? "too few samples" : remark);
  });
  return [
    tile("Throughput", rate(of("throughput_images_per_s")), "images/s, 95% within " + low + " to " + high),
    ...spans,
    tile("Memory", bytes(of("peak_rss_bytes")), "peak, one instance"),
    tile("Agreement", percent(of("agreement")), "with the reference"),
  ];
}

function stageRow({ name, ns, p50, p99, share, ceiling, device, ofRun }) {
  const clock = (device ? "device events" : "host clock") + (ofRun ? ", once a run" : "");
  return tableRow(name, [[clock, "t"], [nanos(ns)], [nanos(p50)], [nanos(p99)], [share], [ceiling, "t"]]);
}

function tableRow(head, fields) {
  return element("tr", {}, element("th", { scope: "row", textContent: head }),
    ...fields.map(([textContent, className = ""]) => element("td", { textContent, className })));
}
