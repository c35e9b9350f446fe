// The table: sorting, a button in each row, and results.csv for the clipboard.
function tableOf(table, cells) {
  const lines = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  lines.forEach((line, place) => {
    line.dataset.cell = place;
    heads.forEach((head, column) => {
      // What has no column of its own is a percentage, or the sign for an unknown one.
      const field = line.cells[column];
      const said = parseFloat(field.textContent.replace("±", ""));
      if (head.dataset.csv) field.dataset.sort = cells[place][head.dataset.csv];
      else if (head.classList.contains("n")) field.dataset.sort = Number.isNaN(said) ? "" : said;
    });
  });
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, heads, column));
  });
  return lines;
}

// Rows in the order of a column; pressed again, the other way round. Unknown figures stay last.
function sort(table, heads, column) {
  const down = heads[column].getAttribute("aria-sort") === "ascending";
  for (const other of heads) other.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort((a, b) => order(a.cells[column], b.cells[column], down ? -1 : 1)));
}

function order(a, b, sign) {
  const [x, y] = [a.dataset.sort, b.dataset.sort];
  if (x === undefined) return sign * a.textContent.localeCompare(b.textContent);
  if (x === "" || y === "") return (x === "") - (y === "");
  return sign * (x - y);
}

// The first cell of a row opens its details, for the keyboard; a press elsewhere in it does too.
function openable(rows, names, open) {
  for (const row of rows) {
    const place = Number(row.dataset.cell);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "open";
    button.setAttribute("aria-label", "Details of " + names[place]);
    button.append(...row.cells[0].childNodes);
    row.cells[0].append(button);
    row.addEventListener("click", (event) => { if (!event.target.closest("a")) open(place); });
  }
}

// Copies what `text` gives; where that cannot be, saves it as a file of that name.
function copying(button, said, text, name) {
  button?.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      said.textContent = "Copied.";
    } catch {
      // Some browsers keep the clipboard from pages on the disk: offer the file instead.
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text()], { type: "text/plain" }));
      link.download = name;
      link.click();
      said.textContent = "Saved as " + name + ".";
    }
    setTimeout(() => { said.textContent = ""; }, 4000);
  });
}
