// What would have become of the requests of late: asked for by the reader, and before anything is saved.

import { call, path } from "../../api/client.js";
import { waited } from "../../base/while.js";
import { announce } from "../../parts/announce.js";
import { el, fill, say, set } from "../../parts/element.js";
import { count, counted } from "../../parts/number.js";
import { button } from "../../parts/shapes.js";
import { sentence } from "./errors.js";
import { result } from "./outcome.js";

/** Millions of decisions take seconds, on a busy machine more; the reader can stop it. */
const PATIENCE_MS = 300_000;

/** As the API's `retry-after` says. */
const BUSY_MS = 1_000;

const IDLE = "Decides the requests of late once more, as if this had been in force all that time. Nothing is written.";

/**
 * `supposed(signal)` answers the body of the call, or nothing where the form is wrong. What was answered is kept in
 * `known`, so that the same is not asked twice; `wrong(error)` is told what the API has against what is supposed.
 * `note` is what has to be known of each answer. Where it is asked for `byItself`, the reader can stop it, and need not begin it.
 */
export function outlook({ supposed, known, wrong, note, byItself }) {
  let asked;
  const asking = button("Preview", () => (asked ? stop() : run()));
  const state = el("p.muted");
  const shown = el("div");
  const node = el("div.outlook", asking, state, shown);

  function tell(text, isBusy) {
    say(asking, isBusy ? "Stop" : "Preview");
    asking.hidden = byItself && !isBusy;
    say(state, text);
    set(node, "aria-busy", isBusy && "true");
    fill(shown);
  }

  /** Ends what is asked, and forgets what was answered: it was of something else. */
  function stop() {
    asked?.abort();
    asked = undefined;
    tell(IDLE);
  }

  async function run() {
    stop();
    asked = new AbortController();
    const { signal } = asked;
    tell("Deciding again …", true);
    try {
      const body = await supposed(signal);
      if (signal.aborted) return;
      if (!body) return stop();
      const busy = () => say(state, "Another preview is under way. Asking again …");
      const data = known.of(body) ?? await answer(body, signal, busy);
      if (signal.aborted) return;
      known.keep(body, data);
      tell("");
      fill(shown, result(data, note));
      announce(`Previewed: ${counted(data.newly_refused, "request")} newly refused, ${count(data.newly_admitted)} newly admitted.`);
    } catch (error) {
      if (signal.aborted) return;
      const isWrong = error.status === 400 || error.code === "in_use";
      tell(isWrong && !byItself ? "It cannot be previewed like this."
        : `Not previewed${error.code === "no_preview" ? ", and it can be saved all the same" : ""}. ${sentence(error.message)}`);
      if (isWrong) wrong(error);
      else announce(state.textContent);
    }
    asked = undefined;
  }

  stop();
  return { node, run, stop };
}

/** The last answer, for as long as it is of the same. */
export function memoryOfOne() {
  let key;
  let value;
  return {
    of: (body) => (JSON.stringify(body) === key ? value : undefined),
    keep: (body, data) => { [key, value] = [JSON.stringify(body), data]; },
    forget: () => { key = undefined; },
  };
}

async function answer(body, signal, busy) {
  for (;;) {
    try {
      return (await call("POST", path("preview"), { body, signal, patience: PATIENCE_MS })).data;
    } catch (error) {
      if (error.code !== "preview_busy") throw error;
    }
    busy();
    await waited(BUSY_MS, signal);
    signal.throwIfAborted();
  }
}
