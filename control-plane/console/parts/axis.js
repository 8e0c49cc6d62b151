// Times along a picture.

import { svg } from "./element.js";
import { clock } from "./time.js";

/** How wide a time is, and how far it stands from the next one at least. */
const WIDE = 38;
const APART = 8;

/** A time that is far too long has no more lines than this. */
const LINES_MAX = 100;

/**
 * A line for each `tick` from `from` on, and a text where there is room for it; `x(time)` is where, between `left` and
 * `right`, `top` and `bottom`.
 */
export function axis({ from, to, tick }, x, { left, right, top, bottom }) {
  const list = [];
  const step = tick * Math.max(1, Math.ceil((to - from) / tick / LINES_MAX));
  let free = left;
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
    const at = x(time);
    list.push(svg("line.axis-line", { x1: at, x2: at, y1: top, y2: bottom }));
    const middle = Math.max(left + WIDE / 2, Math.min(at, right - WIDE / 2));
    if (middle - WIDE / 2 < free) continue;
    list.push(svg("text.axis-text", { x: middle, y: bottom + 16, "text-anchor": "middle" }, clock(time).slice(0, 5)));
    free = middle + WIDE / 2 + APART;
  }
  return list;
}
