// Shapes that every screen has: buttons, links, panels, figures, a choice.

import { address } from "../base/address.js";
import { el, say, set } from "./element.js";

export const button = (text, act, attributes) => el("button", { type: "button", onclick: act, ...attributes }, text);

/** A link to a screen. */
export const link = (text, parts, query) => el("a", { href: address(parts, query), dir: "auto" }, text);

/** A section that its heading names, with what stands `beside` that. `name` is the heading's id, and may have classes. */
export function panel(name, text, beside, ...children) {
  const [id, ...classes] = name.split(".");
  const heading = el("h2", { id, tabindex: "-1" }, text);
  const head = beside ? el("div.heading", heading, beside) : heading;
  return el(["section.panel", ...classes].join("."), { "aria-labelledby": id }, head, children);
}

/** Figures in boxes, `[key, text]` each; `values` has a node for each key. */
export function figures(label, kinds, ...more) {
  const values = Object.fromEntries(kinds.map(([key]) => [key, el("b")]));
  const node = el("dl.totals.live", { "aria-label": label },
    kinds.map(([key, text]) => el("div", { "data-sum": key }, el("dt", text), el("dd", values[key]))), more);
  return {
    node, values,
    /** Says a figure, and marks its box where there is `some`. */
    show(key, text, some) {
      say(values[key], text);
      set(values[key].closest("div"), "data-some", some);
    },
  };
}

/** One of some `options`, `[key, text, label]` each, as buttons in a row. */
export function chips(label, options, chosen, onChange) {
  const buttons = options.map(([key, text, more]) =>
    button(text, () => choose(key), { "data-kind": key, "aria-label": more, "aria-pressed": `${key === chosen}` }));
  function choose(key) {
    for (const one of buttons) set(one, "aria-pressed", `${one.dataset.kind === key}`);
    onChange(key);
  }
  return { node: el("div.chips", { role: "group", "aria-label": label }, buttons), choose };
}
