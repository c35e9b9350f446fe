const root = document.documentElement;
const state = {
  axes: { batch: "log", throughput: "linear", latency: "log" },
  ends: {}, shown: () => true, cell: null,
};
let draw = async () => {};

try {
  const data = JSON.parse(await unpacked("data"));
  const rows = rowsOf(data.csv);
  const lines = tableOf(document.getElementById("cells"), rows);
  copying(document.getElementById("copy"), document.getElementById("copied"), () => data.csv, "results.csv");

  document.getElementById("curves").closest("section").hidden = data.compare.length === 0;

  const every = (...names) =>
    extremes(lines.flatMap((_, place) => names.map((name) => figure(rows[place], name))));
  state.ends.throughput = every("throughput_images_per_s");
  state.ends.latency = every("latency_p50_ns", "latency_p99_ns").map((ns) => ns / 1e6);

  // Its scripts are in the page where there is a sizing answer.
  const sizing = data.advice ? await sizingPage(data.advice, (plots) => draw(false, plots)) : null;

  const specs = (name) => {
    const place = state.cell;
    if (name.startsWith("sizing-")) return sizing.spec(name);
    if (name === "curves") return curves(data, data.compare.filter(state.shown));
    if (!name.startsWith("cell-")) return filled(structuredClone(data.plots[name]), name, rows);
    if (place === null) return null;
    if (name === "cell-curve") return curves(data, [place]);
    if (name === "cell-stages") {
      // Offline, what waits is the rest of the data set: its bar would dwarf the work.
      const waits = rows[place].scenario === "offline" ? "queue" : "";
      return stages(barsOf(data, rows[place], place).filter(({ name }) => name !== waits));
    }
    return rounds(rows[place], roundsOf(data, place));
  };
  const open = (place, focus = true) => {
    state.cell = place;
    show(data, rows, place);
    if (!focus) return;
    history.replaceState(null, "", "#cell=" + slug(rows[place]));
    document.getElementById("cell-said").textContent = "Details of " + data.cells.names[place] + ".";
    document.getElementById("cell").scrollIntoView({ block: "start" });
    document.getElementById("cell-name").focus({ preventScroll: true });
    draw(false, document.querySelectorAll("[data-plot^=cell-], [data-plot^=heat-]"));
  };
  const fromHash = () => {
    const wanted = location.hash.startsWith("#cell=") ? location.hash.slice(6) : null;
    return data.cells.names.findIndex((_, place) => slug(rows[place]) === wanted);
  };
  state.shown = filtering(data, rows, lines, () => draw());
  openable(lines, data.cells.names, open);
  const wanted = fromHash();
  open(wanted >= 0 ? wanted : data.best ?? 0, false);
  addEventListener("hashchange", () => { const place = fromHash(); if (place >= 0) open(place); });
  for (const button of document.querySelectorAll("[data-axis]")) {
    button.addEventListener("click", () => {
      const log = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", log);
      state.axes[button.dataset.axis] = log ? "log" : "linear";
      draw();
    });
  }

  await run("plotly");
  if (!window.Plotly) throw new Error("their script did not run");
  draw = drawer(specs, state, (place, name) => {
    if (name.startsWith("sizing-")) sizing.select(place);
    else open(place);
  });
  await draw();
  if (wanted >= 0) document.getElementById("cell").scrollIntoView({ block: "start" });
  root.dataset.plots = "drawn";
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    draw("print");
  });
  addEventListener("afterprint", () => draw());
} catch (error) {
  failed(error);
}
