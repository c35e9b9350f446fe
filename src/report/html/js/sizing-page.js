// The sizing section: what the reader asks, the answer to it in the tables, and the job to run.
const ASKED = {
  images: { read: countOf, write: count, round: (x) => Math.max(1, Number(x.toPrecision(3))), form: "1000, 10k, 2.5M or 1B" },
  deadline_s: { read: secondsOf, write: shortSpan, round: (x) => Number(x.toPrecision(2)), form: "90s, 15m, 1h or nothing" },
  budget_usd: { read: moneyOf, write: String, round: (x) => Number(x.toPrecision(2)), form: "5 or 0.25 or nothing" },
  rate_per_s: { read: countOf, write: count, round: (x) => Number(x.toPrecision(3)), form: "500 or 5k" },
  limit_ns: { read: (text) => secondsOf(text) * 1e9, write: (ns) => shortSpan(ns / 1e9), round: (x) => Number(x.toPrecision(2)), form: "500us, 20ms or 1s" },
};
const FACTORS = { k: 1e3, m: 1e6, g: 1e9, b: 1e9 };
const SECONDS = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, m: 60, min: 60, h: 3600, d: 86400 };

// Each reads what a person writes: a number, null for none, NaN for what it cannot read.
function countOf(text) {
  const [, number, unit] = text.replace(/[,_\s]/g, "").match(/^(\d*\.?\d+)([kmgb]?)$/i) ?? [];
  const value = Math.round(number * (FACTORS[unit?.toLowerCase()] ?? 1));
  return value >= 1 ? value : NaN;
}
function secondsOf(text) {
  if (!text.trim()) return null;
  const [, number, unit] = text.trim().match(/^(\d*\.?\d+)\s*([a-z]+)$/) ?? [];
  const value = number * SECONDS[unit];
  return value > 0 ? value : NaN;
}
function moneyOf(text) {
  if (!text.trim()) return null;
  const [, number] = text.trim().match(/^\$?(\d*\.?\d+)$/) ?? [];
  return number === undefined ? NaN : Number(number);
}

// A span as it is typed: "15m".
function shortSpan(seconds) {
  const unit = ["h", "m", "s", "ms", "us", "ns"].find((unit) => seconds >= SECONDS[unit]) ?? "ns";
  return Number((seconds / SECONDS[unit]).toPrecision(6)) + unit;
}

function usd(amount) {
  if (!known(amount)) return UNKNOWN;
  if (amount >= 1000) return "$" + count(Math.round(amount));
  if (amount >= 1) return "$" + fixed(amount, 2);
  if (amount <= 0) return "$0";
  return "$" + fixed(amount, Math.min(12, Math.max(2, 2 - Math.floor(Math.log10(amount)))));
}

const spanUnit = (seconds) =>
  seconds < 1 ? [1e-3, "ms"] : seconds < 120 ? [1, "s"] : seconds < 7200 ? [60, "min"] : [3600, "h"];
function span(seconds) {
  const [unit, name] = spanUnit(seconds);
  return rate(seconds / unit) + " " + name;
}

const ends = ({ low, high }, told, after = "") => (low === high ? "" : told(low) + " to " + told(high) + after);
function spanEnds(of) {
  const [unit, name] = spanUnit(of.value);
  return ends(of, (end) => rate(end / unit), " " + name);
}
const within = (text) => (text ? " (" + text + ")" : "");
const machinesOf = (choice) => choice.machines + " × " + choice.machine_type;

function howOf({ backend, device, precision, instances, threads, batch }) {
  const many = (n, thing) => count(n) + " " + thing + (n === 1 ? "" : "s");
  return backend + " on " + device + (precision === "f32" ? "" : " in " + precision) + ", " +
    many(instances, "instance") + " of " + many(threads, "thread") + ", batch " + batch;
}

function joules(of) {
  if (!known(of)) return UNKNOWN;
  return of < 1e-3 ? rate(of * 1e6) + " uJ" : of < 1 ? rate(of * 1e3) + " mJ" : rate(of) + " J";
}

// The figures of a row, each with its interval.
function figuresOf(choice, energy) {
  const { images_per_s: speed, total_s: total, latency_ns: latency, cost_usd, usd_per_million } = choice;
  const figures = [
    [rate(speed.value), ends(speed, rate)],
    total ? [span(total.value), spanEnds(total)]
      : latency ? [nanos(latency.value), ends(latency, nanos)] : [UNKNOWN, ""],
    ...[cost_usd, usd_per_million].map((cost) =>
      (priced(choice) ? [usd(cost.value), ends(cost, usd)] : [UNKNOWN, ""])),
    [percent(choice.useful_share), ""],
  ];
  return energy ? [...figures, [joules(choice.joules_per_image), ""]] : figures;
}

function marksOf(answer, place) {
  const marks = {
    recommended: answer.best === place, tie: answer.ties.includes(place), "runner-up": answer.runner_up === place,
    fastest: answer.fastest === place, front: answer.pareto.includes(place),
    cheapest: answer.best_predicted === place,
  };
  return Object.keys(marks).filter((mark) => marks[mark]);
}

// Rows of the tables, as rows.rs has them: the cheapest choice of each machine type, and those with
// a mark.
const LISTED = { true: 16, false: 8 };

function listedOf(answer, wanted) {
  const places = [...answer.choices.keys()].filter((place) => measured(answer.choices[place]) === wanted);
  const types = new Set();
  let room = LISTED[wanted];
  const kept = places.filter((place) => {
    const [type, marks] = [answer.choices[place].machine_type, marksOf(answer, place)];
    const fits = room > 0 && (!types.has(type) || marks.length > 0);
    types.add(type);
    room -= fits;
    return fits || marks.some((mark) => mark !== "tie");
  });
  return [kept, places.length - kept.length];
}

function rowsTo(body, answer, wanted, energy, select) {
  const [kept, more] = listedOf(answer, wanted);
  body.replaceChildren(...kept.map((place) => {
    const choice = answer.choices[place];
    const open = element("button", { type: "button", className: "open" }, machinesOf(choice));
    const row = element("tr", { className: place === answer.best ? "best" : "" },
      element("th", { scope: "row" }, open, element("small", { textContent: howOf(choice) })),
      element("td", { className: "v", textContent: [...(wanted ? [] : ["predicted"]), ...marksOf(answer, place)].join(", ") }),
      ...figuresOf(choice, energy).map(([value, interval]) =>
        element("td", {}, value, element("small", { textContent: interval }))));
    row.dataset.place = place;
    row.addEventListener("click", () => select(place));
    return row;
  }));
  body.closest(".scroll").hidden = !kept.length;
  return more;
}

// The command and the request of a choice; job.rs is the model.
function jobOf(choice) {
  const sagemaker = choice.machine_type.startsWith("ml.");
  const quoted = (word) => (/^[\w./:=+@%,-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\\''") + "'");
  const words = ["plimsoll", "transform", "--input", "s3://BUCKET/INPUT/", "--output", "s3://BUCKET/OUTPUT/",
    "--backend", choice.backend, "--instance-count", String(choice.instances), "--max-batch", String(choice.batch),
    ...(sagemaker ? ["--instance-type", choice.machine_type] : [])];
  const body = {
    BatchStrategy: "SingleRecord", MaxConcurrentTransforms: Math.min(100, Math.max(1, choice.batch * choice.instances)),
    MaxPayloadInMB: 1, ModelName: "MODEL-NAME",
    TransformInput: {
      ContentType: "application/x-image",
      DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://BUCKET/INPUT/" } }, SplitType: "None",
    },
    TransformJobName: "JOB-NAME",
    TransformOutput: { Accept: "application/json", AssembleWith: "None", S3OutputPath: "s3://BUCKET/OUTPUT/" },
    TransformResources: { InstanceCount: choice.machines, InstanceType: choice.machine_type },
  };
  return {
    command: choice.device === "cpu" ? words.map(quoted).join(" ") : null,
    body: sagemaker ? JSON.stringify(body, null, 2) : null,
  };
}

// Text with what is to be replaced in it marked.
const marked = (text) => text.split(/(JOB-NAME|MODEL-NAME|s3:\/\/BUCKET\/[A-Z]+\/)/)
  .map((part, at) => (at % 2 ? element("mark", { textContent: part }) : part));

// Takes over the section, which is packed where the page is large. `draw` draws its plots anew.
async function sizingPage(advice, draw) {
  const by = (id) => document.getElementById(id);
  if (by("sizing-here")) by("sizing-here").outerHTML = await unpacked("sizing-section");
  const section = by("sizing").closest("section");
  const ways = waysOf(advice);
  const moreOf = Object.fromEntries(["measured", "predicted"]
    .map((name) => [name, by("sizing-" + name + "-more")?.textContent]));
  const [kicker, pays] = [by("sizing-asked").textContent, by("sizing-pays")?.textContent];
  const energy = advice.choices.some((choice) => known(choice.joules_per_image));
  const listed = Object.fromEntries(ways.map(({ choice }) => [choice.machine_type, choice.price]));
  const asItWasAsked = () => structuredClone({ question: advice.question, prices: listed });
  let asked = asItWasAsked();
  let answer = null;
  let selected = null;

  const at = (name) => (name in asked.question ? asked.question : asked.question.service);
  const show = (place) => {
    selected = place;
    for (const row of section.querySelectorAll("tr[data-place]")) {
      if (row.dataset.place === String(place)) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
    const choice = answer.choices[place];
    by("sizing-choice").hidden = !choice;
    if (!choice) return;
    by("sizing-name").textContent = machinesOf(choice) + ", " + howOf(choice);
    if (!choice.phases) return;
    const phases = Object.values(phasesOf(choice));
    by("sizing-phases").replaceChildren(...phases.map(([name, of, share]) =>
      tableRow(name, [[span(of.value)], [ends(of, span)], [share, "t"]])));
    const { command, body } = jobOf(choice);
    for (const [id, text] of [["sizing-command", command], ["sizing-body", body]]) {
      by(id).replaceChildren(...marked(text ?? ""));
      by(id).closest(".job").hidden = text === null;
    }
  };
  const select = (place) => {
    show(place);
    by("sizing-picked").textContent = "Selected: " + machinesOf(answer.choices[place]) + ".";
    draw(section.querySelectorAll("[data-plot]"));
  };

  const tell = () => {
    const changed = JSON.stringify(asked) !== JSON.stringify(asItWasAsked());
    answer = answerTo(ways, asked.question, asked.prices);
    section.classList.toggle("moved", changed);
    by("sizing-asked").textContent = changed ? "Which machines to take, as it is asked below" : kicker;
    if (pays !== undefined) by("sizing-pays").textContent = changed ? paysFrom(advice.cpu_or_gpu, crossing()) : pays;
    by("sizing").textContent = sentenceOf(answer);
    for (const [name, wanted] of [["measured", true], ["predicted", false]]) {
      const body = by("sizing-" + name);
      if (!body) continue;
      const more = rowsTo(body, answer, wanted, energy, select);
      const said = more ? more + " more counts and ways are not in the table." : "";
      by("sizing-" + name + "-more").textContent = changed ? said : moreOf[name];
    }
    const out = new Set(answer.others.filter(measured).map((choice) => choice.machine_type));
    for (const choice of answer.choices) out.delete(choice.machine_type);
    by("sizing-out").textContent = out.size ? "Nothing meets it on " + [...out].join(", ") + "." : "";
    by("sizing-reset").hidden = !changed;
    show(answer.best ?? answer.best_predicted);
  };
  const crossing = () => atPrices(advice.cpu_or_gpu, listed, asked.prices);
  const later = (() => {
    let waiting = 0;
    return () => {
      tell();
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(() => draw(section.querySelectorAll("[data-plot]")));
    };
  })();

  const fill = () => {
    for (const text of section.querySelectorAll("[data-ask]")) {
      const { write } = ASKED[text.dataset.ask];
      const value = at(text.dataset.ask)[text.dataset.ask];
      if (text.type === "range") text.value = value === null ? text.max : Math.log10(value);
      else text.value = value === null ? "" : write(value);
      text.removeAttribute("aria-invalid");
    }
    for (const field of section.querySelectorAll("[data-price]")) {
      const price = asked.prices[field.dataset.price];
      field.value = price.source === "" ? "" : price.usd_per_hour;
    }
    by("sizing-wrong").textContent = "";
  };
  section.addEventListener("input", ({ target }) => {
    const { ask: name, price } = target.dataset;
    const { read, write, round, form } = ASKED[name] ?? { read: moneyOf, form: "0.204" };
    const ranged = target.type === "range";
    const value = ranged ? round(10 ** Number(target.value)) : read(target.value);
    const bad = Number.isNaN(value) || (value === null && !["deadline_s", "budget_usd"].includes(name));
    target.setAttribute("aria-invalid", bad);
    by("sizing-wrong").textContent = bad ? "Write it as " + form + "." : "";
    if (bad) return;
    if (price !== undefined) {
      const { source } = listed[price];
      asked.prices[price] = { ...listed[price], usd_per_hour: value, source: source === "" ? "the reader" : source };
    }
    else at(name)[name] = value;
    for (const twin of name ? section.querySelectorAll("[data-ask=" + name + "]") : []) {
      if (twin === target) continue;
      twin.value = ranged ? write(value) : value === null ? twin.max : Math.log10(value);
    }
    later();
  });
  by("sizing-reset").addEventListener("click", () => { asked = asItWasAsked(); fill(); later(); });
  for (const button of section.querySelectorAll("[data-copy]")) {
    copying(button, button.nextElementSibling, () => by(button.dataset.copy).textContent, button.dataset.copy + ".txt");
  }
  fill();
  tell();

  const specs = {
    "sizing-pareto": () => timeAndCost(answer, ways, selected),
    "sizing-phases": () => (answer.choices[selected]?.phases ? breakdown(answer.choices[selected]) : null),
    "sizing-crossover": () => crossover(advice.cpu_or_gpu, crossing()),
  };
  return { select, spec: (name) => specs[name]() };
}

const paysFrom = ({ cpu, gpu }, { from }) =>
  "At these prices, on one machine, " + gpu + (from === null ? " is never cheaper than " + cpu + "."
    : " is cheaper than " + cpu + " from " + count(from) + " images on.");

// The answer in a sentence.
function sentenceOf({ choices, best, best_predicted }) {
  const choice = choices[best ?? best_predicted];
  if (!choice) return "Nothing that is known of meets this.";
  const { total_s: total, cost_usd: cost } = choice;
  const money = priced(choice) ? [usd(cost.value) + (total ? "" : " an hour") + within(ends(cost, usd))] : [];
  const time = total ? [span(total.value) + within(spanEnds(total))] : [];
  const told = machinesOf(choice) + ", " + howOf(choice) + ": " + [...money, ...time].join(", ");
  return best === null ? "Nothing that was measured meets this. Predicted: " + told + "." : told + ".";
}
