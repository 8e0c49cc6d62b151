// A list of facts, of which each changes by itself.

import { el, renew, set } from "./element.js";
import { keyed } from "./keyed.js";

/** `show([[name, value, class]])`, of which a value is a text, a node or a list of them; what is not there is left out. */
export function facts(kind = "") {
  const node = el("dl", { class: `facts ${kind}` });
  const rows = keyed(node, ([name]) => name, ([name]) => {
    const value = el("dd", { dir: "auto" });
    return {
      node: el("div.fact", el("dt", name), value),
      show([, given, state]) {
        renew(value, given);
        set(value, "class", state);
      },
    };
  });
  return { node, show: (all) => rows.show(all.filter(([, value]) => value !== undefined && value !== false)) };
}
