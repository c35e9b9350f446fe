// Figures as the rest of Plimsoll writes them; units.rs and words.rs are the models.
const UNKNOWN = "-";
const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

// Ties go to the even digit, as they do in Rust: 12.25 is 12.2.
function fixed(value, decimals) {
  const long = value.toFixed(decimals + 25);
  const tie = /50{24}$/.test(long) && /[02468]$/.test(long.slice(0, -25).replace(".", ""));
  return tie ? long.slice(0, -25).replace(/\.$/, "") : value.toFixed(decimals);
}
const significant = (value) => fixed(value, value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
const count = (whole) => String(whole).replace(/\B(?=(\d{3})+$)/g, ",");

function nanos(ns) {
  if (!known(ns)) return UNKNOWN;
  const whole = Math.round(ns);
  if (whole < 1e3) return whole + " ns";
  if (whole < 1e6) return significant(whole / 1e3) + " us";
  if (whole < 1e9) return significant(whole / 1e6) + " ms";
  return whole < 120e9 ? significant(whole / 1e9) + " s" : significant(whole / 60e9) + " min";
}

function rate(perSecond) {
  if (!known(perSecond)) return UNKNOWN;
  if (perSecond < 1000) return significant(perSecond);
  const step = 10 ** (Math.floor(Math.log10(perSecond)) - 2);
  return count(Math.round(Math.round(perSecond / step) * step));
}

function bytes(n) {
  if (!known(n)) return UNKNOWN;
  if (n < 1024) return n + " B";
  let unit = 0;
  for (; n >= 1024 && unit < 4; unit++) n /= 1024;
  return significant(n) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][unit];
}

function percent(share) {
  if (!known(share)) return UNKNOWN;
  const hundredths = Math.round(share * 1e4);
  return ((share < 1 ? Math.min(hundredths, 9999) : hundredths) / 100).toFixed(2) + "%";
}

// The rows of a CSV as results.csv is one: RFC 4180, with a header.
function rowsOf(csv) {
  const rows = [[]];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === "\n") rows.push([]);
    if (end === "") break;
  }
  const [header, ...rest] = rows;
  return rest.filter((row) => row.length === header.length)
    .map((row) => Object.fromEntries(header.map((name, column) => [name, row[column]])));
}

// A figure of a row; null where the field is empty.
const figure = (row, name) => (row[name] === "" || row[name] === undefined ? null : Number(row[name]));
