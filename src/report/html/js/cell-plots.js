// The plots of one cell: percentile curve, stages, rounds.
const NINES = [
  [2, "50%"], [10, "90%"], [100, "99%"], [1e3, "99.9%"], [1e4, "99.99%"], [1e5, "99.999%"],
];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross"];

// Plotly reads a little HTML in its texts; ours has none.
const safe = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// The steps of Recorder::curve, on an axis of 1 / (1 - q).
const STEPS = [1, 1.5, 2, 3, 5, 7];
const quantileAxis = (n) => STEPS[n % STEPS.length] * 10 ** Math.floor(n / STEPS.length);

function quantileText(x) {
  const digits = Math.max(3, Math.ceil(Math.log10(x)) + 2);
  return Number((100 * (1 - 1 / x)).toPrecision(digits)) + "%";
}

function framed(x, y) {
  return {
    margin: { l: 58, r: 12, t: 28, b: 44 }, hovermode: "closest", showlegend: false,
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" },
    xaxis: { title: { text: x }, zeroline: false },
    yaxis: { title: { text: y }, zeroline: false, rangemode: "tozero" },
  };
}

// Percentiles, each further nine as wide as the last.
function curves(data, places) {
  const traces = places.map((place, series) => {
    const us = data.cells.curves[place];
    const x = us.map((_, n) => quantileAxis(n));
    return {
      type: "scatter", mode: "lines+markers", name: safe(data.cells.names[place]), meta: series,
      x, y: us.map((span) => span / 1e3), customdata: us.map(() => place),
      line: { width: 2 }, marker: { size: 5, symbol: SYMBOLS[series % SYMBOLS.length] },
      text: us.map((span, n) => quantileText(x[n]) + " within " + nanos(span * 1e3)),
      hovertemplate: "%{text}<extra>%{fullData.name}</extra>",
    };
  });
  const last = Math.max(2, ...traces.map((trace) => trace.x.at(-1) ?? 2));
  const ticks = NINES.filter(([at]) => at <= last * 1.5);
  const layout = framed("of batches took no longer", "ms a batch");
  layout.showlegend = places.length > 1;
  Object.assign(layout.xaxis, {
    type: "log", range: [0, Math.log10(last * 1.15)],
    tickvals: ticks.map(([at]) => at), ticktext: ticks.map(([, text]) => text),
  });
  return { data: traces, layout };
}

// Time an image, stage by stage in the order of a job: each begins where the one before would end
// if none overlapped.
function stages(bars) {
  let end = 0;
  const begins = bars.map((bar) => {
    const begin = end;
    end += bar.ns / 1e3;
    return begin;
  });
  const layout = framed("us an image, one stage after another", "");
  delete layout.yaxis.title;
  layout.xaxis.range = [0, Math.max(end, 1e-3) * 1.22];
  Object.assign(layout.yaxis, { autorange: "reversed", showgrid: false });
  Object.assign(layout, { bargap: 0.35, margin: { l: 70, r: 12, t: 8, b: 44 } });
  const trace = {
    type: "bar", orientation: "h", meta: 0, hoverinfo: "skip",
    y: bars.map((bar) => bar.name), x: bars.map((bar) => bar.ns / 1e3), base: begins,
    text: bars.map((bar) => nanos(bar.ns)), textposition: "outside", cliponaxis: false,
    marker: { meta: bars.map((bar) => (bar.ofRun ? "soft" : 0)) },
  };
  return { data: [trace], layout };
}

// Every round's rate over time, the median, and its interval.
function rounds(row, { at, rates, steady }) {
  const median = figure(row, "throughput_images_per_s");
  const low = figure(row, "throughput_ci95_low_images_per_s");
  const high = figure(row, "throughput_ci95_high_images_per_s");
  const across = { xref: "paper", x0: 0, x1: 1 };
  const line = { ...across, type: "line", y0: median, y1: median, line: { width: 1.2, dash: "dash" } };
  const band = {
    ...across, type: "rect", y0: low, y1: high, fillcolor: "band", opacity: 0.14, line: { width: 0 },
  };
  const layout = framed("s since the run began", "images/s");
  layout.yaxis.rangemode = "normal";
  layout.shapes = [low, high, median].every(known) ? [band, line] : [];
  const of = (name, kept, symbol) => {
    const numbers = rates.map((_, n) => n).filter(kept);
    return {
      type: "scatter", mode: "markers", name, meta: 0,
      x: numbers.map((n) => at[n]), y: numbers.map((n) => rates[n]),
      marker: { size: 10, symbol, line: { width: 1.5 } },
      text: numbers.map((n) => "round " + n + ": " + whole(rates[n]) + " images/s"),
      hovertemplate: "%{text}<extra>" + name + "</extra>",
    };
  };
  const data = [
    of("settled", (n) => steady[n], "circle"),
    of("not settled", (n) => !steady[n], "circle-open"),
  ];
  return { data, layout };
}
