// One cell, close up: its figures, percentile curve, stages and rounds.
const NINES = [[2, "50%"], [10, "90%"], [100, "99%"], [1e3, "99.9%"], [1e4, "99.99%"], [1e5, "99.999%"]];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross"];

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const slug = (row) => ["backend", "device", "instances", "batch", "threads", "precision", "sessions", "staging", "scenario"]
  .map((name) => encodeURIComponent(row[name])).join("/");

// Percentiles at 1 / (1 - q), so that each further nine takes as much room.
function curves(data, places) {
  const spec = { data: [], layout: framed("of batches took no longer", "ms a batch") };
  places.forEach((place, series) => {
    const us = data.cells.curves[place];
    const x = us.map((_, n) => quantileAxis(n));
    spec.data.push({
      type: "scatter", mode: "lines+markers", name: safe(data.cells.names[place]), x, y: us.map((span) => span / 1e3), meta: series,
      line: { width: 2 }, marker: { size: 5, symbol: SYMBOLS[series % SYMBOLS.length] }, customdata: us.map(() => place),
      text: us.map((span, n) => quantileText(x[n]) + " within " + nanos(span * 1e3)), hovertemplate: "%{text}<extra>%{fullData.name}</extra>",
    });
  });
  const last = Math.max(2, ...spec.data.map((trace) => trace.x.at(-1) ?? 2));
  const ticks = NINES.filter(([at]) => at <= last * 1.5);
  Object.assign(spec.layout.xaxis, {
    type: "log", range: [0, Math.log10(last * 1.15)], tickvals: ticks.map(([at]) => at), ticktext: ticks.map(([, text]) => text),
  });
  Object.assign(spec.layout, { hovermode: "closest", showlegend: places.length > 1 });
  return spec;
}

// The steps of Recorder::curve.
const quantileAxis = (n) => [1, 1.5, 2, 3, 5, 7][n % 6] * 10 ** Math.floor(n / 6);
const quantileText = (x) => Number((100 * (1 - 1 / x)).toPrecision(Math.max(3, Math.ceil(Math.log10(x)) + 2))) + "%";
// Plotly reads a little HTML in its texts; ours has none.
const safe = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function framed(x, y) {
  return {
    margin: { l: 58, r: 12, t: 28, b: 44 }, hovermode: "x unified", showlegend: false,
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" },
    xaxis: { title: { text: x }, zeroline: false }, yaxis: { title: { text: y }, zeroline: false, rangemode: "tozero" },
  };
}

// Time an image, stage by stage in the order of a job: each begins where the one before would end if
// none overlapped.
function stages(bars) {
  const layout = framed("us an image, one stage after another", "");
  let end = 0;
  const begin = bars.map((bar) => { const base = end; end += bar.ns / 1e3; return base; });
  delete layout.yaxis.title;
  Object.assign(layout.xaxis, { range: [0, Math.max(end, 1e-3) * 1.22] });
  Object.assign(layout.yaxis, { autorange: "reversed", showgrid: false });
  Object.assign(layout, { hovermode: "closest", bargap: 0.35, margin: { l: 70, r: 12, t: 8, b: 44 } });
  return {
    data: [{
      type: "bar", orientation: "h", y: bars.map((bar) => bar.name), x: bars.map((bar) => bar.ns / 1e3), base: begin, meta: 0,
      text: bars.map((bar) => nanos(bar.ns)), textposition: "outside", cliponaxis: false, hoverinfo: "skip",
      marker: { meta: bars.map((bar) => (bar.ofRun ? "soft" : 0)) },
    }],
    layout,
  };
}

// Every round's rate over time, the median, and its interval.
function rounds(row, at, rates, steady) {
  const layout = framed("s since the run began", "images/s");
  const [low, high] = [figure(row, "throughput_ci95_low_images_per_s"), figure(row, "throughput_ci95_high_images_per_s")];
  const median = figure(row, "throughput_images_per_s");
  const line = (y) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { width: 1.2, dash: "dash" } });
  const band = { type: "rect", xref: "paper", x0: 0, x1: 1, y0: low, y1: high, fillcolor: "band", opacity: 0.14, line: { width: 0 } };
  layout.shapes = [low, high, median].every(known) ? [band, line(median)] : [];
  layout.yaxis.rangemode = "normal";
  const of = (name, kept, symbol) => {
    const places = rates.map((_, n) => n).filter(kept);
    return {
      type: "scatter", mode: "markers", name, meta: 0, x: places.map((n) => at[n]), y: places.map((n) => rates[n]),
      marker: { size: 10, symbol, line: { width: 1.5 } },
      text: places.map((n) => "round " + n + ": " + whole(rates[n]) + " images/s"), hovertemplate: "%{text}<extra>" + name + "</extra>",
    };
  };
  layout.hovermode = "closest";
  return { data: [of("settled", (n) => steady[n], "circle"), of("not settled", (n) => !steady[n], "circle-open")], layout };
}

// Fills the panel; `place` is the cell's in the run.
function show(data, rows, place) {
  const row = rows[place];
  const by = (id) => document.getElementById(id);
  const name = data.cells.names[place];
  const invalid = row.verdict === "INVALID";
  const best = place === data.best ? ", the best" : "";
  by("cell-name").textContent = name;
  by("cell-verdict").textContent = row.verdict + best;
  by("cell-verdict").className = invalid ? "verdict bad" : "verdict";
  by("cell-reasons").replaceChildren(...reasonsOf(data, row, place).map((reason) => element("li", { textContent: reason })));
  by("cell-bottleneck").textContent = data.cells.bottlenecks[place];
  const told = (title, text, remark) => element("div", {}, element("dt", { textContent: title }), element("dd", {}, element("b", { textContent: text }), element("span", { textContent: remark })));
  const p = (n) => figure(row, "latency_" + n + "_ns");
  const [low, high] = ["low", "high"].map((end) => figure(row, "throughput_ci95_" + end + "_images_per_s"));
  by("cell-figures").replaceChildren(
    told("Throughput", rate(figure(row, "throughput_images_per_s")), "images/s, 95% within " + rate(low) + " to " + rate(high)),
    ...["p50", "p90", "p95", "p99", "p999"].map((n) =>
      told(n.replace("999", "99.9"), nanos(p(n)), p(n) === null ? "too few batches" : n === "p50" ? count(row.latency_samples) + " batches" : "a batch")),
    told("Memory", bytes(figure(row, "peak_rss_bytes")), "peak, one instance"),
    told("Agreement", percent(figure(row, "agreement")), "with the reference"),
  );
  by("cell-stages").replaceChildren(...barsOf(data, row, place).map((bar) => {
    const cells = [nanos(bar.ns), bar.p50, bar.p99, bar.share, bar.ceiling];
    const clock = (bar.device ? "device events" : "host clock") + (bar.ofRun ? ", once a run" : "");
    return element("tr", {}, element("th", { scope: "row", textContent: bar.name }), element("td", { className: "t", textContent: clock }),
      ...cells.map((textContent, n) => element("td", { textContent, className: n === 4 ? "t" : "" })));
  }));
  const { at, rates, steady } = roundsOf(data, place);
  by("cell-rounds").replaceChildren(...rates.map((per, n) => element("tr", {}, element("th", { scope: "row", textContent: n }),
    element("td", { textContent: significant(at[n]) + " s" }), element("td", { textContent: whole(per) }), element("td", { className: "t", textContent: steady[n] ? "yes" : "no" }))));
  for (const line of document.querySelectorAll("#cells tbody tr")) line.toggleAttribute("aria-current", line.dataset.cell === String(place));
}

// The stages of a cell: its own have their means in its row, those of a job are the run's.
const barsOf = (data, row, place) => data.cells.bars[place].map(([name, p50, p99, share, ceiling, device, ofRun]) =>
  ({ name, ns: ofRun ? data.job[name] : figure(row, name + "_ns_per_image"), p50, p99, share, ceiling, device, ofRun }));
const whole = (per) => (per < 1000 ? rate(per) : count(Math.round(per)));

// A row has its reasons in one text, with a semicolon and a space between them.
function reasonsOf(data, row, place) {
  let at = 0;
  return data.cells.reasons[place].map((length) => row.reasons.slice(at, (at += length + 2) - 2));
}

const roundsOf = (data, place) => ({ at: data.cells.at[place], rates: data.cells.rates[place], steady: data.cells.steady[place] });
