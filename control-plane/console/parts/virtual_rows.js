// A long list of which only what is seen is drawn: a handful of nodes that are told again what they show.

import { watchWidth } from "../base/while.js";
import { el } from "./element.js";

const SPARE = 4;

/** What all browsers can scroll. In a list that is longer one pixel of that is several of its own. */
const SPACE_MAX = 15_000_000;

/**
 * `create(open)` makes a row `{ node, show(item) }`; `key` names an item; `open(item)` is what Enter and a click do.
 * The height of a row is `--row-height` of the list, in pixels, so that a narrow screen can have taller ones.
 */
export function virtualRows({ label, head, create, key, open, signal }) {
  const space = el("div.rows-space", { role: "rowgroup" });
  const node = el(
    "div.rows.live", { role: "grid", "aria-label": label, tabindex: "0" },
    el("div.rows-head", { role: "rowgroup" }, head), space,
  );
  const pool = [];
  let items = [];
  let current;

  const height = () => parseFloat(getComputedStyle(node).getPropertyValue("--row-height")) || 44;
  let rowHeight = height();

  /** How the list stands: its height, that of what is seen of it, and how many of its pixels one of the space is. */
  function measured() {
    const whole = items.length * rowHeight;
    const seen = node.clientHeight - head.offsetHeight;
    return { whole, seen, scale: whole > SPACE_MAX ? (whole - seen) / (SPACE_MAX - seen) : 1 };
  }

  function draw() {
    const { whole, seen, scale } = measured();
    const { scrollTop } = node;
    const first = Math.max(0, Math.floor((scrollTop * scale) / rowHeight) - SPARE);
    const many = Math.ceil(seen / rowHeight) + 2 * SPARE;
    const last = Math.min(items.length, first + many);
    space.style.setProperty("height", `${Math.min(whole, SPACE_MAX)}px`);
    while (pool.length < last - first) pool.push(made());
    pool.forEach((row, index) => {
      const place = first + index;
      row.item = place < last ? items[place] : undefined;
      row.node.hidden = row.item === undefined;
      if (row.item === undefined) return;
      row.node.style.setProperty("transform", `translateY(${place * rowHeight - scrollTop * (scale - 1)}px)`);
      row.node.setAttribute("aria-rowindex", place + 2);
      row.node.classList.toggle("current", key(row.item) === current);
      row.show(row.item);
    });
  }

  function made() {
    const row = create();
    row.node.setAttribute("role", "row");
    row.node.classList.add("row");
    row.node.addEventListener("click", (event) => {
      if (event.target.closest("a, button") || !row.item) return;
      open(row.item);
    });
    space.append(row.node);
    return row;
  }

  /** Moves the row that keys act upon, and keeps it in sight. */
  function move(to) {
    if (!items.length) return;
    const place = Math.max(0, Math.min(items.length - 1, to));
    current = key(items[place]);
    const top = place * rowHeight;
    const { seen, scale } = measured();
    const at = node.scrollTop * scale;
    if (top < at) node.scrollTop = top / scale;
    else if (top + rowHeight > at + seen) node.scrollTop = (top + rowHeight - seen) / scale;
    draw();
    const row = pool.find((one) => one.item && key(one.item) === current);
    if (row) {
      row.node.id ||= `row-${pool.indexOf(row)}`;
      node.setAttribute("aria-activedescendant", row.node.id);
    }
  }

  node.addEventListener("scroll", draw, { passive: true });
  node.addEventListener("keydown", (event) => {
    if (event.target !== node) return;
    const place = items.findIndex((item) => key(item) === current);
    const page = Math.max(1, Math.floor(node.clientHeight / rowHeight) - 1);
    const to = {
      ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page, PageUp: place - page, Home: 0, End: items.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if (event.key === "Enter" && place >= 0) open(items[place]);
  });
  watchWidth(node, () => { rowHeight = height(); draw(); }, signal);

  return {
    node,
    show(all) {
      items = all;
      node.setAttribute("aria-rowcount", items.length + 1);
      draw();
    },
  };
}
