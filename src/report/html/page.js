"use strict";
(async () => {
  const root = document.documentElement;
  root.classList.add("js");
  const data = JSON.parse(document.getElementById("data").textContent);
  sortable(document.querySelector("table"));
  copying(document.getElementById("copy"), document.getElementById("copied"));
  const plots = [...document.querySelectorAll("[data-plot]")];
  if (plots.length === 0) return;
  try {
    await unpack(document.getElementById("plotly").textContent);
    await draw();
  } catch (error) {
    const said = document.getElementById("no-plots");
    said.textContent = "The plots cannot be drawn in this browser (" + error.message + "). The table has every figure.";
    said.hidden = false;
    for (const section of document.querySelectorAll(".plots")) section.hidden = true;
    return;
  }
  root.dataset.plots = "drawn";
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    draw("print");
  });
  addEventListener("afterprint", () => draw());

  // Plotly's script arrives packed; it runs as if it had stood in the page.
  async function unpack(base64) {
    if (!("DecompressionStream" in window)) throw new Error("it cannot unpack their script");
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    if (!window.Plotly) throw new Error("their script did not run");
  }

  async function draw(print) {
    const colours = palette(print);
    const hovers = matchMedia("(hover: hover)").matches;
    const config = {
      responsive: !print, displaylogo: false, displayModeBar: hovers && !print ? "hover" : false,
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], doubleClick: "reset",
    };
    for (const plot of plots) {
      const spec = themed(data.plots[plot.dataset.plot], colours, print);
      if (plot.classList.contains("tall")) plot.style.setProperty("--rows", spec.data[0].y.length);
      // Paper is narrower than the screen; two panels stand beside each other there.
      spec.layout.width = print ? (plot.closest(".panels") ? 315 : 640) : undefined;
      spec.layout.height = print ? 260 : undefined;
      await Plotly.react(plot, spec.data, spec.layout, config);
    }
  }

  // The page's own colours, or those of daylight for paper.
  function palette(print) {
    if (print) {
      return {
        ink: "#000", soft: "#444", rule: "#ccc", card: "#fff", care: "#a8281d",
        heat: [[0, "#f2f6f8"], [1, "#6fb3d8"]], heatInk: "#000",
        lines: ["#0b6aa2", "#c2571a", "#16795f", "#7b4fb0", "#9a6b00", "#b13a6b"],
      };
    }
    const style = getComputedStyle(root);
    const of = (name) => style.getPropertyValue("--" + name).trim();
    return {
      ink: of("ink"), soft: of("soft"), rule: of("rule"), card: of("card"), care: of("care"),
      heat: [[0, of("heat-0")], [1, of("heat-1")]], heatInk: of("heat-ink"),
      lines: [0, 1, 2, 3, 4, 5].map((n) => of("s" + n)),
    };
  }

  function themed(plain, colours, print) {
    const spec = structuredClone(plain);
    for (const trace of spec.data) {
      if (trace.type === "heatmap") {
        trace.colorscale = colours.heat;
      } else if (trace.mode === "text") {
        trace.textfont = { color: trace.meta === "remark" ? colours.soft : colours.heatInk, size: 12.5 };
      } else {
        const colour = trace.meta === "invalid" ? colours.care : colours.lines[trace.meta % colours.lines.length];
        trace.line = { ...trace.line, color: colour };
        trace.marker = { ...trace.marker, color: colour, line: { ...trace.marker.line, color: colour } };
        if (trace.error_y) trace.error_y.color = colour;
      }
    }
    for (const shape of spec.layout.shapes ?? []) shape.line.color = colours.ink;
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

  // Rows in the order of a column; pressed again, the other way round. Unknown figures stay last.
  function sortable(table) {
    if (!table) return;
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort((a, b) => order(a.cells[column], b.cells[column], down ? -1 : 1));
        body.append(...rows);
      });
    });
  }

  function order(a, b, sign) {
    const [x, y] = [a.dataset.sort, b.dataset.sort];
    if (x === undefined) return sign * a.textContent.localeCompare(b.textContent);
    if (x === "" || y === "") return (x === "") - (y === "");
    return sign * (x - y);
  }

  function copying(button, said) {
    button?.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(data.csv);
        said.textContent = "Copied.";
      } catch {
        // Some browsers keep the clipboard from pages on the disk: offer the file instead.
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([data.csv], { type: "text/csv" }));
        link.download = "results.csv";
        link.click();
        said.textContent = "Saved as results.csv.";
      }
      setTimeout(() => { said.textContent = ""; }, 4000);
    });
  }
})();
