// What stands around a form: what it is of, how the last write went, and why there is none.

import { announce } from "../../parts/announce.js";
import { el, fill } from "../../parts/element.js";
import { button, link } from "../../parts/shapes.js";

/** `deletion` is its button, which is not there of what is new. */
export function frame(root, kind, name, deletion) {
  const notice = el("div.message", { tabindex: "-1", hidden: true });
  const lock = el("div", { tabindex: "-1", hidden: true });
  const body = el("div");
  root.append(
    el("p.trail", link("Configure", ["edit"]), ` / ${kind.heading}`),
    el("div.heading", el("h1", { tabindex: "-1", dir: "auto" }, name ?? `New ${kind.word}`), name !== undefined && [
      el("span.tag", kind.word), kind.plural === "clients" && link("How it stands", ["clients", name]),
      el("div.actions", deletion),
    ]),
    lock, notice, body,
  );
  return {
    show: (...children) => fill(body, children),
    /** Says how it went, and takes the reader there unless it is said `quietly`. `acts` are `[text, act]`, buttons. */
    tell(text, state = "well", { acts = [], quietly } = {}) {
      const isThere = notice.contains(document.activeElement);
      notice.className = `message ${state}`;
      fill(notice, el("p", text), acts.length > 0 && el("div.actions", acts.map(([words, act]) => button(words, act))));
      notice.hidden = false;
      announce(text);
      if (!quietly || isThere) notice.focus();
    },
    /** Says why nothing can be written. Where that `isAnswer` to a write, the reader is taken there. */
    lock(text, isAnswer) {
      lock.className = `message ${isAnswer ? "bad" : "plain"}`;
      fill(lock, el("p", text));
      lock.hidden = false;
      if (!isAnswer) return;
      notice.hidden = true;
      announce(text);
      lock.focus();
    },
  };
}
