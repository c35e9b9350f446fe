// Chips of backends and devices: what is not checked leaves the plots and the table.
function filtering(data, rows, lines, changed) {
  const chips = [...document.querySelectorAll(".chip input")];
  const checked = (name) =>
    new Set(chips.filter((chip) => chip.name === name && chip.checked).map((chip) => chip.value));
  let allowed = { backend: checked("backend"), device: checked("device") };
  // Where there is one alone there is no chip for it.
  const passes = (name, value) => !chips.some((chip) => chip.name === name) || allowed[name].has(value);
  const shown = (place) => passes("backend", rows[place].backend) && passes("device", rows[place].device);
  const apply = () => {
    allowed = { backend: checked("backend"), device: checked("device") };
    let left = 0;
    for (const line of lines) {
      line.hidden = !shown(Number(line.dataset.cell));
      left += !line.hidden;
    }
    const group = (number) => data.groups[number].some(shown);
    for (const panel of document.querySelectorAll("[data-group]")) {
      panel.hidden = !panel.dataset.group.split(" ").every(group);
    }
    const said = document.getElementById("shown");
    if (said) said.textContent = left === lines.length ? "" : left + " of " + lines.length + " cells are shown.";
    changed();
  };
  for (const chip of chips) chip.addEventListener("change", apply);
  return shown;
}
