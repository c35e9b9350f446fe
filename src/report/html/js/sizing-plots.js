// The plots of the sizing section: time against cost, the phases of a choice, CPU against GPU.
const SHAPES = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross"];
const ABOVE = { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" };
const MARGIN = { l: 58, r: 12, t: 28, b: 44 };
// Plotly reads a little HTML in its texts; names have none.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const shortCount = (n) => ["", "k", "M", "B", "T"].map((unit, at) => [n / 1000 ** at, unit])
  .filter(([value]) => value >= 1).map(([value, unit]) => Number(value.toPrecision(3)) + unit).at(-1) ?? String(n);

// What each phase of a choice is called, how long it takes, and who pays for it.
function phasesOf({ phases: { provision_s, start_s, load_s, run_s, tail_s } }) {
  return {
    provision_s: ["provision", provision_s, "not billed"],
    start_s: ["start", start_s, "billed"],
    load_s: ["load", load_s, "billed"],
    run_s: ["run", run_s, "billed, does the work"],
    tail_s: ["tail", tail_s, "billed"],
  };
}

// Seconds of a job, or of a service's requests; what lacks either or a price is no point.
const secondsOfAll = ({ total_s: total, latency_ns: ns }) => total ?? (ns ? scaled(ns, 1e-9) : null);
const timeOf = (choice) => secondsOfAll(choice)?.value ?? 0;
const drawable = (choice) => choice !== undefined && priced(choice) && secondsOfAll(choice) !== null;

function timeAndCost(answer, ways, selected) {
  const { choices, best, pareto: front } = answer;
  const [predictions] = listedOf(answer, false);
  const [unit, name] = spanUnit(Math.max(...choices.map(timeOf)));
  const time = (choice) => timeOf(choice) / unit;
  const label = (choice) => plain(machinesOf(choice)) + "<br>" + plain(howOf(choice)) + "<br>" +
    span(timeOf(choice)) + ", " + usd(choice.cost_usd.value) + within(ends(choice.cost_usd, usd));
  const types = [...new Set(ways.map(({ choice }) => choice.machine_type))];
  const bars = (of, unit, places) => ({
    type: "data", symmetric: false, thickness: 1.2, width: 3,
    array: places.map((place) => (of(choices[place]).high - of(choices[place]).value) / unit),
    arrayminus: places.map((place) => (of(choices[place]).value - of(choices[place]).low) / unit),
  });
  const points = (places) => ({
    x: places.map((place) => time(choices[place])), y: places.map((place) => choices[place].cost_usd.value),
  });
  const data = types.flatMap((type, at) => ["measured", "predicted"].map((basis) => {
    const places = [...choices.keys()]
      .filter((place) => choices[place].machine_type === type && choices[place].basis.basis === basis && drawable(choices[place]) &&
        (measured(choices[place]) || predictions.includes(place)));
    return {
      ...points(places), type: "scatter", mode: "markers", meta: at, customdata: places,
      name: plain(type) + (basis === "measured" ? "" : ", predicted"),
      marker: { symbol: SHAPES[at % 6] + (basis === "measured" ? "" : "-open"), size: 9 },
      error_x: bars(secondsOfAll, unit, places),
      error_y: bars(({ cost_usd }) => cost_usd, 1, places),
      hovertemplate: "%{text}<extra></extra>", text: places.map((place) => label(choices[place])),
    };
  })).filter(({ x }) => x.length);
  const extra = (places, more) => ({ ...points(places), type: "scatter", hoverinfo: "skip", ...more });
  const typeOf = (place) => types.indexOf(choices[place].machine_type);
  if (front.length > 1) {
    data.push(extra(front, { mode: "lines", name: "no other beats these", line: { dash: "dot", width: 1.5 }, meta: typeOf(front[0]) }));
  }
  const ring = (place, name, size, symbol) =>
    data.push(extra([place], { mode: "markers", name, meta: typeOf(place), marker: { symbol, size, line: { width: 2 } } }));
  if (best !== null && drawable(choices[best])) ring(best, "recommended", 20, "circle-open");
  if (selected !== null && selected !== best && drawable(choices[selected])) ring(selected, "selected", 18, "square-open");
  const [xaxis, yaxis] = [{ title: { text: name }, zeroline: false }, { title: { text: "USD" }, zeroline: false }];
  const all = (of) => choices.filter((choice, place) => drawable(choice) && (measured(choice) || predictions.includes(place))).flatMap((choice) => ENDS.map((end) => of(choice)[end]));
  logarithmic(xaxis, extremes(all((choice) => scaled(secondsOfAll(choice), 1 / unit))));
  logarithmic(yaxis, extremes(all(({ cost_usd }) => cost_usd)));
  return { data, layout: { xaxis, yaxis, legend: ABOVE, margin: MARGIN, hovermode: "closest", showlegend: true } };
}


function breakdown(choice) {
  const [unit, name] = spanUnit(choice.total_s.value);
  const [soft, ...colours] = ["soft", 1, 4, 0, 3];
  const data = Object.values(phasesOf(choice)).map(([phase, of, billed], at) => ({
    type: "bar", orientation: "h", name: phase, x: [of.value / unit],
    y: [at ? "billed" : "not billed"], meta: 0, marker: { meta: [at ? colours[at - 1] : soft] },
    hovertemplate: "%{text}<extra></extra>", text: [phase + " " + span(of.value) + ", " + billed],
    textposition: "none",
  }));
  return { data, layout: {
    barmode: "stack", xaxis: { title: { text: name + " of each machine" }, zeroline: false, rangemode: "tozero" },
    yaxis: { categoryorder: "array", categoryarray: ["not billed", "billed"] },
    legend: { ...ABOVE, traceorder: "normal" }, margin: MARGIN, hovermode: "closest", showlegend: true,
  } };
}

function crossover({ cpu, gpu }, { curve, from }) {
  const line = (type, column, at) => ({
    type: "scatter", mode: "lines", name: plain(type), meta: at, line: { width: 2, dash: at ? "dash" : "solid" },
    x: curve.map(([images]) => images), y: curve.map((point) => point[column]),
    hovertemplate: "%{text}<extra>%{fullData.name}</extra>",
    text: curve.map((point) => count(point[0]) + " images: " + usd(point[column])),
  });
  const [xaxis, yaxis] = [{ title: { text: "images" }, zeroline: false }, { title: { text: "USD" }, zeroline: false }];
  logarithmic(xaxis, extremes(curve.map(([images]) => images)));
  logarithmic(yaxis, extremes(curve.flatMap(([, a, b]) => [a, b])));
  xaxis.ticktext = xaxis.tickvals.map(shortCount);
  const shapes = from === null ? [] : [
    { type: "line", yref: "paper", x0: from, x1: from, y0: 0, y1: 1, line: { width: 1.5, dash: "dot" } },
  ];
  return { data: [line(cpu, 1, 0), line(gpu, 2, 1)], layout: { xaxis, yaxis, shapes, legend: ABOVE, margin: MARGIN, hovermode: "x unified", showlegend: true } };
}
