// What would be decided over a request, in sentences, and when it would pass.

import { el, fill, say, set } from "./element.js";
import { counted, remaining } from "./number.js";
import { listed } from "./rule.js";
import { exact } from "./time.js";

/** `onDue` is called when the wait of the last answer is over. */
export function verdict({ onDue = () => {} } = {}) {
  const first = el("b.verdict-first");
  const wait = el("b.verdict-wait");
  const then = el("span");
  const held = el("p.verdict-held");
  const line = el("p.verdict-line");
  const node = el("div.verdict.live", line, held);
  let until;

  return {
    node,
    /** An explanation, answered at the moment `at`. */
    show(answer, at) {
      const ms = answer.retry_after_ms;
      until = ms === undefined ? undefined : at + ms;
      set(node, "data-verdict", answer.would_pass ? "pass" : ms === undefined ? "never" : "wait");
      say(first, sentence(answer));
      fill(line, first, ms !== undefined && [isOfPlaces(answer) ? " It is to ask again in " : " It passes in ", wait, then]);
      say(held, holders(answer));
      held.hidden = held.textContent === "";
      this.tick(Date.now());
    },
    tick(now) {
      if (until === undefined) return;
      say(wait, remaining(until - now));
      say(then, until > now ? `, at ${exact(until)}, if nobody else asks.` : ".");
      if (until > now) return;
      until = undefined;
      onDue();
    },
  };
}

/** The shortest form, for those who hear it. */
export function sentence({ would_pass: passes, tokens, enabled, error, never, unknown_clients: policy }) {
  if (error === "unknown_client") return "It would be refused: nobody is configured under this id, and such are denied.";
  if (!passes) return never ? "It would be refused, however long it waits." : "It would be refused now.";
  const why = enabled === false ? "It would pass, since the client's own limits are off"
    : policy === "allow" ? "It would pass, since ids that nobody configured are let in" : "It would pass";
  return `${why}, and reserve ${counted(tokens, "token")}.`;
}

const holding = ({ limits = [] }) => limits.filter(({ enforced, covers }) => enforced && covers === false);

/** A place comes back when a request ends, which nobody knows. */
function isOfPlaces(answer) {
  return holding(answer).every(({ measure }) => measure === "concurrent");
}

function holders(answer) {
  const holds = holding(answer);
  if (answer.would_pass || !holds.length) return "";
  const names = holds.map(({ name }) => name);
  const why = holds.find(({ why: reason }) => reason)?.why;
  const named = holds.length > 1 ? ` The answer names ${answer.limit}.` : "";
  return `Held by ${listed(names)}${why ? `: ${why}` : ""}.${named}`;
}
