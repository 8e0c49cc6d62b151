// A question that has to be answered first. The browser's own dialog keeps the keyboard inside, and Escape cancels.

import { ended } from "../base/while.js";
import { el } from "./element.js";
import { button } from "./shapes.js";

let shown = 0;

/**
 * Answers whether `yes` was chosen, or the key of one `more` that can be, `[key, text]`. Enter is `yes`, unless that is a
 * `danger`. With the screen, whose `signal` is given, the question goes as well.
 */
export function dialog({ title, body, yes, no = "Cancel", danger, focus, more, signal }) {
  if (signal?.aborted) return Promise.resolve(false);
  const id = `dialog-${(shown += 1)}`;
  return new Promise((resolve) => {
    const finish = (chosen) => {
      node.close();
      node.remove();
      resolve(chosen);
    };
    const done = (event) => {
      event.preventDefault();
      finish(Boolean(yes) && !danger);
    };
    const actions = el("div.actions",
      more && button(more[1], () => finish(more[0])),
      no && (yes ? button(no, () => finish(false), { autofocus: danger }) : el("button.main", no)),
      yes && (danger ? button(yes, () => finish(true), { class: "danger" }) : el("button.main", { autofocus: focus }, yes)));
    const node = el("dialog", { "aria-labelledby": id, oncancel: (event) => { event.preventDefault(); finish(false); } },
      el("form", { method: "dialog", onsubmit: done }, el("h2", { id }, title), body, actions));
    ended(signal, () => finish(false));
    document.body.append(node);
    node.showModal();
  });
}

/** Asks and acts; what is then wrong is said with the question, once more. Answers whether it was done. */
export async function confirm({ act, body, ...question }) {
  for (let wrong; ;) {
    const said = wrong && el("p.bad", { role: "alert" }, wrong);
    if (!(await dialog({ ...question, body: [said, body] }))) return false;
    try {
      await act();
      return true;
    } catch (error) {
      wrong = error.message;
    }
  }
}
