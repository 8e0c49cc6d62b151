// Bars over time. All of a kind are one path, so that a picture has few nodes, however many bars it has.

import { set, svg } from "./element.js";

const HEIGHT = 24;

/** Bars `[left, bottom, width, height]`; a picture of the smallest is still seen. */
export const barPath = (list) => list.filter(([, , , high]) => high > 0).map(([left, bottom, wide, high]) => {
  const [x, y, w, h] = [left, bottom, Math.max(wide, 0.5), Math.max(high, 1.5)].map((at) => at.toFixed(1));
  return `M${x} ${y}v-${h}h${w}v${h}Z`;
}).join("");

/** Small bars for a row, told again and again; the figures beside them say what they say. */
export function bars() {
  const path = svg("path");
  const node = svg("svg.bars", { preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" }, path);
  return {
    node,
    show(numbers) {
      const most = Math.max(...numbers, 1);
      set(node, "viewBox", `0 0 ${numbers.length * 10} ${HEIGHT}`);
      set(path, "d", barPath(numbers.map((number, index) => [index * 10 + 1, HEIGHT, 8, (number / most) * HEIGHT])));
    },
  };
}
