// Drawing: plain specifications get the page's colours, the reader's axes, and the open cell.
const PRINT = {
  ink: "#000", soft: "#444", rule: "#ccc", card: "#fff", care: "#a8281d",
  heat: [[0, "#f2f6f8"], [1, "#6fb3d8"]], heatInk: "#000",
  lines: ["#0b6aa2", "#c2571a", "#16795f", "#7b4fb0", "#9a6b00", "#b13a6b"],
};

// The page's own colours, or those of daylight for paper.
function palette(print) {
  if (print) return PRINT;
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue("--" + name).trim();
  return {
    ink: of("ink"), soft: of("soft"), rule: of("rule"), card: of("card"), care: of("care"),
    heat: [[0, of("heat-0")], [1, of("heat-1")]], heatInk: of("heat-ink"),
    lines: [0, 1, 2, 3, 4, 5].map((n) => of("s" + n)),
  };
}

// `specs` gives the plain specification of a plot by name; `state` is what the reader has chosen.
function drawer(specs, state, open) {
  const known = new Set();
  return async function draw(print, only) {
    const colours = palette(print);
    const hovers = matchMedia("(hover: hover)").matches;
    const config = {
      responsive: !print, displaylogo: false, displayModeBar: hovers && !print ? "hover" : false,
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], doubleClick: "reset",
    };
    for (const plot of only ?? document.querySelectorAll("[data-plot]")) {
      const plain = plot.closest("[hidden]") ? null : specs(plot.dataset.plot);
      if (!plain) continue;
      const spec = themed(chosen(plain, plot.dataset.plot, state), colours, print);
      if (plot.classList.contains("tall")) plot.style.setProperty("--rows", spec.data[0].y.length);
      // Paper is narrower than the screen; two panels stand beside each other there.
      spec.layout.width = print ? (plot.closest(".panels") ? 315 : 640) : undefined;
      spec.layout.height = print ? 260 : undefined;
      await Plotly.react(plot, spec.data, spec.layout, config);
      if (known.has(plot)) continue;
      known.add(plot);
      plot.on("plotly_click", (event) => {
        const cell = pressed(plot, event);
        if (cell !== null) open(cell, plot.dataset.plot);
      });
    }
  };
}

// The cell of the point nearest to a press: one label tells of all points above one another.
function pressed(plot, { points, event }) {
  const top = plot.getBoundingClientRect().top;
  const far = ({ yaxis, y }) =>
    event && yaxis?.d2p ? Math.abs(top + yaxis._offset + yaxis.d2p(y) - event.clientY) : 0;
  const cells = points.filter((point) => Number.isInteger(point.customdata));
  return cells.sort((a, b) => far(a) - far(b))[0]?.customdata ?? null;
}

// The figures of a trace's cells are those of their rows in results.csv.
function filled(spec, name, rows) {
  const of = (column) => (place) => figure(rows[place], column);
  const rateOf = of("throughput_images_per_s");
  const kind = name.replace(/-\d+$/, "");
  for (const trace of spec.data) {
    const places = trace.customdata;
    if (!places) continue;
    if (kind === "heat") {
      const usable = (place) => place !== null && rows[place].verdict === "VALID";
      trace.z = places.map((row) => row.map((place) => (usable(place) ? rateOf(place) : null)));
    } else if (kind === "own-cost" && places.length) {
      trace.y = places.map((place) => of("instances")(place) / rateOf(place) * 1e6);
      trace.text = trace.y.map((us) => nanos(us * 1e3));
    } else if (kind === "throughput") {
      const low = of("throughput_ci95_low_images_per_s");
      const high = of("throughput_ci95_high_images_per_s");
      trace.y = places.map(rateOf);
      trace.error_y.array = places.map((place) => high(place) - rateOf(place));
      trace.error_y.arrayminus = places.map((place) => rateOf(place) - low(place));
      const within = (place) => ", 95% within " + rate(low(place)) + " to " + rate(high(place));
      trace.text = places.map((place) => rate(rateOf(place)) + " images/s" + within(place));
    } else if (kind === "latency") {
      const percentile = trace.line.dash === "dot" ? "p99" : "p50";
      const ns = places.map(of("latency_" + percentile + "_ns"));
      trace.y = ns.map((value) => value / 1e6);
      trace.text = ns.map((value) => percentile + " " + nanos(value));
    }
  }
  return spec;
}

// What the reader chose: axes, backends and devices, and the cell that is open. `ends` are the least
// and the greatest value of a kind of plot, so that its panels share one scale.
function chosen(spec, name, { axes, ends, shown, cell }) {
  if (name.startsWith("sizing-")) return spec;
  const kind = name.replace(/-\d+$/, "");
  const { xaxis, yaxis } = spec.layout;
  if (["throughput", "latency", "own-cost", "versus"].includes(kind) && axes.batch === "linear") {
    for (const of of ["range", "tickvals", "ticktext"]) delete xaxis[of];
    Object.assign(xaxis, { type: "linear", autorange: true, rangemode: "tozero" });
  }
  if (kind === "throughput" && axes.throughput === "log") logarithmic(yaxis, ends.throughput);
  if (kind === "latency" && axes.latency === "linear") linear(yaxis, ends.latency);
  if (kind === "curves" && axes.latency === "log") {
    logarithmic(yaxis, extremes(spec.data.flatMap((trace) => trace.y)));
  }
  for (const trace of spec.data) {
    const of = trace.customdata?.flat().find(Number.isInteger);
    if (of !== undefined && !shown(of)) trace.visible = false;
  }
  const grid = kind === "heat" ? spec.data[0].customdata : [];
  grid.forEach((row, y) => row.forEach((place, x) => {
    if (place === null || place !== cell) return;
    const ends = { x0: x - 0.44, x1: x + 0.44, y0: y - 0.4, y1: y + 0.4 };
    const frame = { type: "rect", ...ends, line: { width: 2, dash: "dot" } };
    spec.layout.shapes = [...(spec.layout.shapes ?? []), frame];
  }));
  return spec;
}

const extremes = (values) => {
  const some = values.filter((value) => value > 0 && Number.isFinite(value));
  return some.length ? [Math.min(...some), Math.max(...some)] : [1, 10];
};

// As axes.rs has it: decades alone read best, where there are enough of them.
function logarithmic(axis, [least, greatest]) {
  const [low, high] = [least * 0.8, greatest * 1.25];
  const steps = high >= low * 100 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade++) {
    // Without the noise of binary fractions.
    ticks.push(...steps.map((step) => Number((step * 10 ** decade).toPrecision(1))));
  }
  const tickvals = ticks.filter((tick) => tick >= low && tick <= high);
  Object.assign(axis, {
    type: "log", autorange: false, range: [Math.log10(low), Math.log10(high)],
    tickvals, ticktext: tickvals.map((tick) => (tick < 1 ? String(tick) : count(tick))),
  });
}

function linear(axis, [, greatest]) {
  for (const of of ["tickvals", "ticktext"]) delete axis[of];
  Object.assign(axis, { type: "linear", autorange: false, range: [0, greatest * 1.08] });
}

function themed(spec, colours, print) {
  for (const trace of spec.data) {
    const series = colours.lines[trace.meta % colours.lines.length];
    const colour = trace.meta === "invalid" ? colours.care : series;
    if (trace.type === "heatmap") {
      trace.colorscale = colours.heat;
    } else if (trace.mode === "text") {
      trace.textfont = { color: trace.meta === "remark" ? colours.soft : colours.heatInk, size: 12.5 };
    } else if (trace.type === "bar") {
      const { meta } = trace.marker;
      trace.marker.color = meta.map((n) => (n === "soft" ? colours.soft : colours.lines[n]));
      trace.marker.opacity = meta.map((n) => (n === "soft" ? 0.5 : 1));
      trace.textfont = { color: colours.ink };
    } else {
      trace.line = { ...trace.line, color: colour };
      trace.marker = { ...trace.marker, color: colour, line: { ...trace.marker?.line, color: colour } };
      for (const bars of [trace.error_x, trace.error_y]) if (bars) bars.color = colour;
    }
  }
  for (const shape of spec.layout.shapes ?? []) {
    if (shape.fillcolor) shape.fillcolor = colours.lines[0];
    if (shape.line.width) shape.line.color = colours.ink;
  }
  Object.assign(spec.layout, {
    autosize: true, dragmode: false, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: print ? 11 : 13, color: colours.soft },
    hoverlabel: { bgcolor: colours.card, bordercolor: colours.rule, font: { color: colours.ink } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.soft, activecolor: colours.ink },
  });
  for (const axis of [spec.layout.xaxis, spec.layout.yaxis]) {
    Object.assign(axis, { gridcolor: colours.rule, linecolor: colours.rule, automargin: true, ticks: "" });
    if (axis.title) Object.assign(axis.title, { font: { size: print ? 11 : 13 }, standoff: 10 });
  }
  return spec;
}
