// How much of a limit is left: a bar and the figures, which say the same.

import { el, say, set, svg } from "./element.js";
import { brief, count } from "./number.js";

/** Below this part a limit is nearly used up. */
const LITTLE = 0.1;

/** Of what there is so much, by the measure. */
const UNITS = { concurrent: "requests at a time" };

/** A bar that is made once and told again and again. */
export function bar() {
  const part = svg("rect", { height: "100%", width: "0", class: "part" });
  const name = el("span.bar-name");
  const figures = el("span.bar-figures");
  const picture = svg("svg.bar-picture", { "aria-hidden": "true", focusable: "false" }, part);
  const node = el("span.bar", name, picture, figures);
  return {
    node,
    /**
     * `{ name, measure, mode, limit }`, of which `limit` is what there is when it is full, and what is left of it; below
     * nothing the bar is how much is owed. One in shadow refuses nothing, whatever is left.
     */
    show(limit, left) {
      const whole = limit.limit > 0 ? Math.min(1, Math.abs(left) / limit.limit) : 0;
      set(part, "width", `${(whole * 100).toFixed(1)}%`);
      const isShadow = limit.mode === "shadow";
      const state = isShadow ? "shadow" : left < 0 ? "debt" : left === 0 ? "gone" : whole < LITTLE ? "little" : "well";
      if (node.dataset.state !== state) node.dataset.state = state;
      say(name, limit.name);
      say(figures, `${brief(left)} / ${brief(limit.limit)}`);
      const unit = UNITS[limit.measure] ?? limit.measure;
      const exact = `${count(left)} of ${count(limit.limit)} ${unit} left${isShadow ? ", in shadow: nothing is refused" : ""}`;
      if (node.title !== exact) node.title = exact;
    },
  };
}
