// Times along a picture.

import { svg } from "./element.js";
import { clock } from "./time.js";

/** How far a time stands from the edge that its text needs. */
const EDGE = 24;

/** A line and a text for each `tick` from `from` on; `x(time)` is where, between `left` and `right`, `top` and `bottom`. */
export function axis({ from, to, tick }, x, { left, right, top, bottom }) {
  const list = [];
  for (let time = Math.ceil(from / tick) * tick; time <= to; time += tick) {
    const at = x(time);
    const anchor = at < left + EDGE ? "start" : at > right - EDGE ? "end" : "middle";
    list.push(svg("line.axis-line", { x1: at, x2: at, y1: top, y2: bottom }),
      svg("text.axis-text", { x: at, y: bottom + 16, "text-anchor": anchor }, clock(time).slice(0, 5)));
  }
  return list;
}
