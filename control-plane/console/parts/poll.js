// Asks again and again: one call at a time, only while the page is looked at, and no more where the answer is no.

import { ApiError } from "../api/client.js";
import { ended } from "../base/while.js";
import { connection, missed } from "../live/feed.js";

/** A server that does not answer is asked at least so often. */
const LONGEST_PAUSE_MS = 10_000;

/** What another call would be answered as well, until something else happens. */
const isFinal = ({ status }) => status >= 400 && status < 500 && status !== 408 && status !== 429;

/**
 * `ask(signal)` is called now and `everyMs` after each answer until `signal` ends it; `failed(error)` with what it
 * throws. While `isHeld()` nothing is asked. What comes back asks at once.
 */
export function poll(ask, everyMs, { signal, failed, isHeld = () => false }) {
  let pause = everyMs;
  let timer;
  let asking = false;
  let due = false;

  async function again() {
    clearTimeout(timer);
    due = asking;
    if (asking || signal.aborted) return;
    asking = true;
    try {
      await ask(signal);
      pause = everyMs;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) reportError(error);
      failed(error);
      pause = isFinal(error) ? Infinity : Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    asking = false;
    if (due) again();
    else if (pause < Infinity) timer = setTimeout(next, pause);
  }

  function next() {
    if (!document.hidden && !isHeld()) again();
    else timer = setTimeout(next, everyMs);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !asking && pause < Infinity) again();
  }, { signal });
  const anew = () => { if (!asking) again(); };
  // It may be another process, with other settings.
  missed.listen((topics) => { if (topics.includes("config")) anew(); }, signal);
  connection.changed.listen(({ state }) => { if (state === "open" && pause > everyMs) anew(); }, signal);
  ended(signal, () => clearTimeout(timer));
  again();
  return again;
}
