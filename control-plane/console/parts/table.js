// A table that becomes cards where there is no room for its columns: its roles stay, however it is laid out.

import { el, fill, isSelected } from "./element.js";
import { keyed } from "./keyed.js";

/**
 * `columns` are texts, of which those in `figures` are numbers; `label` names it, or a `caption` that is seen. `show(items)`
 * takes a list of cells for each row, or, with `row(item)`, which answers `{ cells, show(item) }`, what `key` tells apart.
 */
export function table({ label, caption, kind = "cards", columns, figures = [], key, row }) {
  const side = (text) => (figures.includes(text) ? "figure" : null);
  const body = el("tbody", { role: "rowgroup" });
  const node = el("table", { role: "table", "aria-label": label, class: kind }, caption && el("caption", caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" },
      columns.map((text) => el("th", { role: "columnheader", scope: "col", class: side(text) }, text)))), body);
  const line = (cells) => el("tr", { role: "row" }, cells.map((cell, index) =>
    el("td", { role: "cell", class: side(columns[index]), "data-label": columns[index] }, cell)));
  const rows = row && keyed(body, key, (item) => {
    const { cells, show } = row(item);
    return { node: line(cells), show };
  });
  return {
    node,
    show(items) {
      if (rows) rows.show(items);
      else if (!isSelected(body)) fill(body, items.map(line));
    },
  };
}
