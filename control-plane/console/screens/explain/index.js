// What would be decided over a request of a client now, and why. The address has the question, so that it can be sent.

import { get, path } from "../../api/client.js";
import { address } from "../../base/address.js";
import { announce } from "../../parts/announce.js";
import { el, fill } from "../../parts/element.js";
import { explanation } from "../../parts/explanation.js";
import { poll } from "../../parts/poll.js";
import { panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { time } from "../../parts/time.js";
import { sentence } from "../../parts/verdict.js";
import { commands } from "./commands.js";
import { form } from "./form.js";
import { whom } from "./whom.js";

export const title = () => "Explain";

const EVERY_MS = 1_000;

export function open(root, { query, signal }) {
  const first = Object.fromEntries(["client", "model", "tokens"].map((name) => [name, query.get(name) ?? ""]));
  let question;
  let asked;
  let again = () => {};
  let said;

  const asking = form({ first, onAsk: another, onKeep: () => again() });
  const about = whom();
  const when = el("p.muted.explain-when");
  const answer = explanation({ onDue: () => asking.isKept() && again(), about: about.node, signal });
  answer.node.append(when);
  const copies = commands();
  const state = place("the answer", () => again());
  root.append(
    el("div.heading", el("h1", { tabindex: "-1" }, "Explain"),
      el("p.muted", "What would be decided over a request now, and why. It costs nothing.")),
    el("div.explain", el("div.explain-ask", asking.node, copies.node), panel("answer", "Answer", null, state.node, answer.node)),
  );

  /** Another question. The address follows without another screen, so that the keyboard stays in the form. */
  function another() {
    begin();
    const where = address(["explain"], question);
    if (location.hash !== where) history.pushState(null, "", where);
  }

  function begin() {
    asked?.abort();
    again = () => {};
    question = asking.question();
    said = undefined;
    answer.node.hidden = true;
    const isRight = asking.isRight();
    copies.show(isRight ? question : {});
    if (!isRight) return state.read(empty("There is no answer to that."));
    if (!question.client) return state.read(empty("Whose request, and how large?"));
    state.begin();
    asked = new AbortController();
    again = poll(ask, EVERY_MS, {
      isHeld: () => !asking.isKept(), failed: refused, signal: AbortSignal.any([signal, asked.signal]),
    });
    return undefined;
  }

  async function ask(mine) {
    const { client, model, tokens } = question;
    const { data } = await get(path("clients", client, "explain"), { query: { model, tokens }, signal: mine });
    about.show(data, model);
    answer.show(data);
    state.read();
    fill(when, "Answered ", time(Date.now(), "exact"), ".");
    const now = sentence(data);
    if (now !== said) announce(now);
    said = now;
  }

  function refused(error) {
    answer.isOld();
    state.failed(error);
  }

  begin();
}
