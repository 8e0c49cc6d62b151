// Marks of a time line: a shape for each kind, and one square with a number for those that would lie upon each other.

import { say, set, svg } from "../../parts/element.js";
import { clock, isUtc } from "../../parts/time.js";
import { words } from "./happened.js";

/** Marks that are nearer to each other than this are one, with their number. */
const APART = 14;

const SHAPES = {
  config: "M0 -7L7 0L0 7L-7 0Z", joined: "M0 -6L7 6H-7Z", left: "M0 6L7 -6H-7Z",
  started: "M-5 -6L7 0L-5 6Z", replicas: "M-6 -6H6V6H-6Z",
};

/** Marks of one lane, those that would lie upon each other as one. */
export function together(marks, x, lane) {
  const groups = [];
  for (const mark of [...marks].reverse()) {
    const at = x(mark.at);
    const last = groups.at(-1);
    if (last && at - last.x < APART) last.marks.push(mark);
    else groups.push({ x: at, y: (lane.top + lane.bottom) / 2, marks: [mark], key: mark.key });
  }
  return groups;
}

/** A mark that is moved and told again. */
export function shape() {
  const path = svg("path");
  const many = svg("text.tl-many", { "text-anchor": "middle", y: 4 });
  const title = svg("title");
  const node = svg("g", title, path, many);
  let titled;
  return {
    node,
    show({ x, y, marks }) {
      const last = marks.at(-1);
      const kinds = new Set(marks.map(({ what }) => what));
      set(node, "transform", `translate(${x.toFixed(1)} ${y})`);
      set(node, "class", `tl-mark tl-${kinds.size > 1 ? "both" : last.what}`);
      const isOne = marks.length === 1;
      set(path, "d", isOne ? SHAPES[last.what] : "M-9 -9H9V9H-9Z");
      say(many, isOne ? "" : marks.length > 99 ? "99+" : String(marks.length));
      const named = `${last.key} ${marks.length} ${isUtc()}`;
      if (named === titled) return;
      titled = named;
      say(title, `${clock(last.at)} ${isOne ? "" : `${marks.length} together, the last: `}${words(last).textContent}`);
    },
  };
}
