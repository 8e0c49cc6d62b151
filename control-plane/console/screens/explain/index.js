// What would be decided over a request of a client now, and why. The address has the question, so that it can be sent.

import { get, path } from "../../api/client.js";
import { address } from "../../parts/address.js";
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
  let question = Object.fromEntries(["client", "model", "tokens"].map((name) => [name, query.get(name) ?? ""]));
  let asked;
  let again = () => {};
  let said;

  const asking = form({ first: question, onAsk: begin, onKeep: () => again() });
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
  function begin(next) {
    asked?.abort();
    again = () => {};
    question = next;
    const where = address(["explain"], question);
    if (location.hash !== where) history.pushState(null, "", where);
    asking.wrong();
    said = undefined;
    answer.node.hidden = true;
    copies.show(question);
    if (!question.client) return state.read(empty("Whose request, and how large?"));
    // An address with one of these as its part is another address.
    if (question.client === "." || question.client === "..") {
      return refused({ status: 400, message: "client_id must not be . or .. alone" });
    }
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
    asking.wrong();
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
    if (error.status === 400 && asking.wrong(error.message)) {
      answer.node.hidden = true;
      state.read(empty("There is no answer to that."));
    } else state.failed(error);
  }

  begin(question);
}
