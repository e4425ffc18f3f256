"use strict";
// A click on the head of a column sorts the table by it, a second one the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falls = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const body = table.tBodies[0];
      const value = (row) => row.cells[column].dataset.order;
      // Numbers, if all of the column are: then "", which is the number 0, is no value, and comes last.
      // Else numbers within the texts count by their value: "9 × 9" is before "14 × 14".
      const areNumbers = [...body.rows].every((row) => !Number.isNaN(Number(value(row))));
      const compare = (first, second) => {
        const [a, b] = [value(first), value(second)];
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = areNumbers ? a - b : a.localeCompare(b, undefined, { numeric: true });
        return falls ? -order : order;
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}
