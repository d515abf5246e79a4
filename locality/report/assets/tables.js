// Tables that are sorted by the column whose head is clicked.

/** Numbers before texts; what has no number comes last, whichever way one sorts. */
function startTables() {
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sortRows(table.tBodies[0], column, down ? -1 : 1);
      });
    });
  }
}

function sortRows(body, column, sign) {
  const key = (row) => {
    const cell = row.cells[column];
    return "sort" in cell.dataset ? Number(cell.dataset.sort) : cell.textContent;
  };
  const empty = (value) => value === "-" || value === "undefined" || value === "";
  const order = (a, b) => {
    const [one, other] = [key(a), key(b)];
    if (empty(one) || empty(other)) return Number(empty(one)) - Number(empty(other));
    if (typeof one === "number" && typeof other === "number") return sign * (one - other);
    return sign * String(one).localeCompare(String(other), undefined, { numeric: true });
  };
  body.append(...[...body.rows].sort(order));
}
