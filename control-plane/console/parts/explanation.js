// What an explanation answers: the verdict in sentences, and every limit, both counting down until it is asked again.

import { every } from "../base/while.js";
import { el, set } from "./element.js";
import { limitList } from "./limit_list.js";
import { verdict } from "./verdict.js";

const TICK_MS = 100;

/** `onDue` is called when the wait of the last answer is over; `about` stands between the verdict and the limits. */
export function explanation({ onDue, about, signal }) {
  const said = verdict({ onDue });
  const list = limitList();
  const node = el("div", { hidden: true }, said.node, about, el("div.live", list.node));
  every(TICK_MS, () => {
    if (node.hidden) return;
    said.tick(Date.now());
    list.tick(Date.now());
  }, signal);
  return {
    node,
    show(answer) {
      const at = Date.now();
      node.hidden = false;
      set(node, "data-old", null);
      said.show(answer, at);
      list.show(answer, at);
    },
    isOld: () => set(node, "data-old", true),
  };
}
