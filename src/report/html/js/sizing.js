// Sizing: what a job or a service takes and costs, by the formulas of the answer itself. There is no
// page in here, and nothing is kept: a question goes in, an answer comes out.
const ENDS = ["value", "low", "high"];
const estimate = (of) => Object.fromEntries(ENDS.map((end) => [end, of(end)]));
const scaled = (one, by) => estimate((end) => one[end] * by);
const sum = (...all) => estimate((end) => all.reduce((sum, one) => sum + one[end], 0));

// Counts of machines that are tried besides the least that meets the deadline, and the most.
const COUNTS = [1, 2, 4, 8];
const MOST = 1000;

// The expected largest of so many normal deviations (H. Cramer, 1946).
const latest = (machines) => Math.sqrt(2 * Math.log(machines));

const WAY = ["machine_type", "backend", "device", "precision", "instances", "threads", "batch"];

// The ways to load each machine type: what of the choices depends neither on the images nor on the
// count of machines.
function waysOf(advice) {
  const ways = new Map();
  for (const choice of [...advice.choices, ...advice.others]) {
    const name = JSON.stringify([...WAY.map((part) => choice[part]), choice.basis.basis]);
    if (!ways.has(name)) ways.set(name, wayOf(choice, advice.question));
  }
  return [...ways.values()];
}

function wayOf(choice, { images, service }) {
  if (service) {
    return { choice, capacity: service.rate_per_s / choice.machines / choice.useful_share };
  }
  const { run_s, tail_s } = choice.phases;
  const late = choice.spread * latest(choice.machines);
  const share = Math.ceil(images / choice.machines);
  return {
    choice,
    perImage: scaled(run_s, 1 / share),
    last: estimate((end) => Math.max(0, tail_s[end] - late * run_s[end])),
  };
}

// So many images on so many machines at a price: phase after phase, then the bill.
function job({ choice, perImage, last }, images, machines, usdPerHour) {
  const { provision_s, start_s, load_s } = choice.phases;
  const run_s = scaled(perImage, Math.ceil(images / machines));
  const late = choice.spread * latest(machines);
  const tail_s = estimate((end) => last[end] + late * run_s[end]);
  const billed_s = sum(start_s, load_s, run_s, tail_s);
  const cost_usd = scaled(billed_s, machines / 3600 * usdPerHour);
  return {
    ...choice, machines, phases: { provision_s, start_s, load_s, run_s, tail_s }, billed_s, cost_usd,
    total_s: sum(provision_s, billed_s), useful_share: run_s.value / billed_s.value,
    usd_per_million: scaled(cost_usd, 1e6 / images), price: { ...choice.price, usd_per_hour: usdPerHour },
  };
}

// As many machines as hold so many requests a second, for an hour.
function service({ choice, capacity }, ratePerS, usdPerHour) {
  const machines = Math.ceil(ratePerS / capacity);
  const cost = machines * usdPerHour;
  return {
    ...choice, machines, useful_share: ratePerS / machines / capacity,
    cost_usd: estimate(() => cost), usd_per_million: estimate(() => cost / 3600 / ratePerS * 1e6),
    price: { ...choice.price, usd_per_hour: usdPerHour },
  };
}

// Whether a choice meets a question.
function meets(choice, { deadline_s, budget_usd, service }) {
  return (deadline_s === null || choice.total_s.value <= deadline_s) &&
    (budget_usd === null || choice.cost_usd.value <= budget_usd) &&
    (!service || choice.latency_ns.value <= service.limit_ns);
}

// The answer to a question at the prices of machine types, as advice.json has it.
function answerTo(ways, question, prices) {
  const [choices, others] = [[], []];
  for (const way of ways) {
    const usd = prices[way.choice.machine_type];
    const tried = question.service
      ? [service(way, question.service.rate_per_s, usd)]
      : counts(way, question).map((machines) => job(way, question.images, machines, usd));
    const good = tried.filter((choice) => meets(choice, question));
    choices.push(...good);
    if (!good.length) others.push(tried.at(-1));
  }
  choices.sort((a, b) => a.cost_usd.value - b.cost_usd.value);
  return { question, choices, others, ...decided(choices) };
}

function counts(way, question) {
  const inTime = (machines) => job(way, question.images, machines, 0).total_s.value <= question.deadline_s;
  let least = 1;
  if (question.deadline_s !== null) while (least < MOST && !inTime(least)) least++;
  return [...new Set([...COUNTS, least])].sort((a, b) => a - b);
}

// Which of some choices, the cheapest first, to take, and what is worth a look besides. What was
// predicted is ranked apart.
function decided(choices) {
  const places = [...choices.keys()];
  const measured = places.filter((place) => choices[place].basis.basis === "measured");
  const time = (place) => (choices[place].total_s ?? choices[place].latency_ns).value;
  const cost = (place) => choices[place].cost_usd;
  const best = measured[0] ?? null;
  const overlaps = (place) =>
    place !== best && cost(place).low <= cost(best).high && cost(best).low <= cost(place).high;
  const another = (place) => choices[place].machine_type !== choices[best].machine_type;
  const pareto = measured.filter((place, at) => measured.slice(0, at).every((other) => time(place) < time(other)));
  return {
    best, ties: measured.filter(overlaps), runner_up: measured.find(another) ?? null,
    fastest: measured.length ? measured.reduce((a, b) => (time(b) < time(a) ? b : a)) : null,
    pareto: pareto.reverse(),
    best_predicted: places.find((place) => !measured.includes(place)) ?? null,
  };
}

// The costs of a CPU and a GPU over images at other prices, and the images from which the GPU is
// cheaper; between two points of the curve both costs are straight lines.
function atPrices({ curve, cpu, gpu, cheaper_from_images }, asked, prices) {
  const [onCpu, onGpu] = [cpu, gpu].map((type) => prices[type] / asked[type]);
  if (onCpu === 1 && onGpu === 1) return { curve, from: cheaper_from_images };
  const moved = curve.map(([images, a, b]) => [images, a * onCpu, b * onGpu]);
  const after = moved.findIndex(([, a, b]) => b < a);
  if (after <= 0) return { curve: moved, from: after < 0 ? null : moved[0][0] };
  const [[x0, a0, b0], [x1, a1, b1]] = [moved[after - 1], moved[after]];
  const share = (b0 - a0) / (b0 - a0 - (b1 - a1));
  return { curve: moved, from: Math.ceil(x0 + share * (x1 - x0)) };
}
