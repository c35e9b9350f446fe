// Sizing: what a job or a service takes and costs, by the formulas of the answer itself. There is no
// page in here, and nothing is kept: a question goes in, an answer comes out.
const ENDS = ["value", "low", "high"];
const estimate = (of) => Object.fromEntries(ENDS.map((end) => [end, of(end)]));
const scaled = (one, by) => estimate((end) => one[end] * by);
const sum = (...all) => estimate((end) => all.reduce((sum, one) => sum + one[end], 0));

// The most machines of an answer; so many counts are all looked at where one is enough, and beyond
// them doubling is, as long as it leaves less than this share of the time.
const MOST = 1000;
const ALL = 4;
const WORTH = 0.95;

// The expected largest of so many normal deviations (H. Cramer, 1946).
const latest = (machines) => Math.sqrt(2 * Math.log(machines));

const priced = ({ price }) => price.source !== "";
const WAY = ["machine_type", "backend", "device", "precision", "instances", "threads", "batch"];

// The ways to load each machine type, with what of their choices depends neither on the images nor
// on the count of machines.
function waysOf({ question, choices }) {
  const ways = new Map();
  for (const choice of choices) {
    const name = JSON.stringify([...WAY.map((part) => choice[part]), choice.basis.basis]);
    if (!ways.has(name)) ways.set(name, { choice, limit_ns: question.service?.limit_ns, runs: [] });
    if (choice.phases) ways.get(name).runs.push(runOf(choice, question.images));
  }
  return [...ways.values()];
}

// What an image takes one machine, what the last batch does, and what power it draws. The page has the
// last batch itself, for the short figures of a long run would blur it.
function runOf({ machines, spread, phases: { run_s, tail_s, last_s }, billed_s, joules_per_image }, images) {
  const share = Math.ceil(images / machines);
  const late = spread * latest(machines);
  return {
    share, perImage: scaled(run_s, 1 / share),
    last: last_s ?? estimate((end) => Math.max(0, tail_s[end] - late * run_s[end])),
    watts: joules_per_image === null ? null : joules_per_image * images / (machines * billed_s.value),
  };
}

// So many images on so many machines: phase after phase, then the bill. How sure a rate is depends
// on the images, so that the run of the likest share is taken.
function job({ choice, runs }, images, machines, price) {
  const share = Math.ceil(images / machines);
  const far = (run) => Math.abs(Math.log(run.share / share));
  const { perImage, last, watts } = runs.reduce((a, b) => (far(b) < far(a) ? b : a));
  const { provision_s, start_s, load_s } = choice.phases;
  const run_s = scaled(perImage, share);
  const late = choice.spread * latest(machines);
  const tail_s = estimate((end) => last[end] + late * run_s[end]);
  const billed_s = sum(start_s, load_s, run_s, tail_s);
  const cost_usd = scaled(billed_s, machines / 3600 * price.usd_per_hour);
  return {
    ...choice, machines, price, phases: { provision_s, start_s, load_s, run_s, tail_s }, billed_s, cost_usd,
    images_per_s: { value: share / run_s.value, low: share / run_s.high, high: share / run_s.low },
    total_s: sum(provision_s, billed_s), useful_share: run_s.value / billed_s.value,
    usd_per_million: scaled(cost_usd, 1e6 / images),
    joules_per_image: watts === null ? null : watts * machines * billed_s.value / images,
  };
}

// As many machines as hold so many requests a second even at the low end of what one holds, for an
// hour.
function service({ choice }, ratePerS, price) {
  const { low, value, high } = choice.images_per_s;
  const needed = (rate) => Math.max(1, Math.ceil(ratePerS / rate));
  const machines = needed(low);
  const most = machines * price.usd_per_hour;
  const cost_usd = { value: most, low: needed(high) * price.usd_per_hour, high: most };
  const watts = choice.joules_per_image === null ? null
    : choice.joules_per_image * choice.useful_share * value;
  return {
    ...choice, machines, price, cost_usd, total_s: null, useful_share: ratePerS / (machines * value),
    usd_per_million: scaled(cost_usd, 1e6 / (ratePerS * 3600)),
    joules_per_image: watts === null ? null : watts * machines / ratePerS,
  };
}

// Whether a choice meets a question: the upper ends of its intervals do. What has no price passes any
// budget. What a machine holds is known within the limit that was asked
// for: a tighter one leaves out what is slower, a looser one changes nothing.
function meets(choice, { deadline_s, budget_usd, service }, limit_ns) {
  return (deadline_s === null || !choice.total_s || choice.total_s.high <= deadline_s) &&
    (budget_usd === null || !priced(choice) || choice.cost_usd.high <= budget_usd) && choice.machines <= MOST &&
    (!service || service.limit_ns >= limit_ns || choice.latency_ns?.value <= service.limit_ns);
}

// The answer to a question at the prices of machine types, as advice.json has it.
function answerTo(ways, question, prices) {
  const [choices, others] = [[], []];
  for (const way of ways) {
    const price = prices[way.choice.machine_type];
    const tried = question.service
      ? [service(way, question.service.rate_per_s, price)]
      : counts(way, question).map((machines) => job(way, question.images, machines, price));
    const good = tried.filter((choice) => meets(choice, question, way.limit_ns));
    choices.push(...good);
    if (!good.length) others.push(tried[0]);
  }
  choices.sort(ranked);
  return { question, choices, others, ...picked(choices) };
}

// The counts worth a look, rising, from the least that meets the deadline; that alone may be more
// than there are.
function counts(way, { images, deadline_s }) {
  const most = Math.min(MOST, images);
  const time = (machines) => job(way, images, machines, way.choice.price).total_s;
  const least = fewest(most, (machines) => deadline_s === null || time(machines).high <= deadline_s);
  const all = new Set();
  for (let count = least; count <= most && all.size < (least === 1 ? ALL : 2); count++) all.add(count);
  let before = time(least).value;
  for (let count = 1; count <= most; count *= 2) {
    if (count <= least) continue;
    const now = time(count).value;
    if (now > before * WORTH && count >= 2 * least) break;
    before = now;
    all.add(count);
  }
  return [...all].sort((a, b) => a - b);
}

// The least count for which something holds that holds for more too; the most where it never does.
function fewest(most, holds) {
  let enough = 1;
  while (enough < most && !holds(enough)) enough = Math.min(2 * enough, most);
  let few = Math.floor(enough / 2);
  while (enough - few > 1) {
    const middle = few + Math.floor((enough - few) / 2);
    if (holds(middle)) enough = middle;
    else few = middle;
  }
  return enough;
}

const measured = ({ basis }) => basis.basis === "measured";
const seconds = ({ total_s: total }) => total?.value ?? 0;

// What was measured first, then what has a price, then the cheaper; of equals what does with less.
function ranked(a, b) {
  const machineSeconds = (choice) => choice.machines * (choice.billed_s?.value ?? 1);
  return measured(b) - measured(a) || priced(b) - priced(a) || a.cost_usd.value - b.cost_usd.value ||
    machineSeconds(a) - machineSeconds(b) || a.machines - b.machines || seconds(a) - seconds(b) || a.batch - b.batch;
}

// Which of some choices in that order to take, and what is worth a look besides. What was predicted
// is ranked apart.
function picked(choices) {
  const places = [...choices.keys()];
  const known = places.filter((place) => measured(choices[place]));
  const best = known[0] ?? null;
  const best_predicted = places.find((place) => !measured(choices[place])) ?? null;
  const pareto = front(choices, best === null ? places : known);
  if (best === null) return { best, ties: [], runner_up: null, fastest: null, pareto, best_predicted };
  const of = choices[best];
  const overlaps = ({ low, high }) => low <= of.cost_usd.high && of.cost_usd.low <= high;
  const timed = known.filter((place) => choices[place].total_s);
  const sooner = (a, b) => (seconds(choices[b]) < seconds(choices[a]) ? b : a);
  return {
    best, ties: known.slice(1).filter((place) => priced(of) && priced(choices[place]) && overlaps(choices[place].cost_usd)),
    runner_up: known.find((place) => choices[place].machine_type !== of.machine_type) ?? null,
    fastest: timed.length ? timed.reduce(sooner) : null, pareto, best_predicted,
  };
}

// Those of the places that no other beats in both time and cost, the fastest first.
function front(choices, places) {
  const cost = (place) => choices[place].cost_usd.value;
  const byTime = places.filter((place) => priced(choices[place]) && choices[place].total_s)
    .sort((a, b) => seconds(choices[a]) - seconds(choices[b]) || cost(a) - cost(b));
  let least = Infinity;
  return byTime.filter((place) => {
    const better = cost(place) < least;
    least = Math.min(least, cost(place));
    return better;
  });
}

// The costs of a CPU and a GPU over images at other prices, and the images from which the GPU is
// cheaper; between two points of the curve both costs are straight lines.
function atPrices({ curve, cpu, gpu, cheaper_from_images }, asked, prices) {
  const [onCpu, onGpu] = [cpu, gpu].map((type) => (type in asked ? prices[type].usd_per_hour / asked[type].usd_per_hour : 1));
  if (onCpu === 1 && onGpu === 1) return { curve, from: cheaper_from_images };
  const moved = curve.map(([images, a, b]) => [images, a * onCpu, b * onGpu]);
  const after = moved.findIndex(([, a, b]) => b < a);
  if (after <= 0) return { curve: moved, from: after < 0 ? null : moved[0][0] };
  const [[x0, a0, b0], [x1, a1, b1]] = [moved[after - 1], moved[after]];
  const share = (b0 - a0) / (b0 - a0 - (b1 - a1));
  return { curve: moved, from: Math.ceil(x0 + share * (x1 - x0)) };
}
