// Streams of events. They are fetched, since an EventSource shows no token.

import { waited } from "../base/while.js";
import { ApiError, refused } from "./client.js";
import { EventReader } from "./sse.js";
import { credentials } from "./token.js";

/** Longer than two heartbeats: a stream that says nothing for so long is dead. */
const SILENCE_MS = 35_000;
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** A stream that ends sooner may do so each time: then the next one has to wait. */
const LASTING_MS = 5_000;

/** The events `{ name, data, id }` behind `lastId`; `opened()` is told when they begin, `heard()` whenever any come. */
export async function* events(where, { lastId, signal, opened = () => {}, heard }) {
  const headers = { accept: "text/event-stream", ...(lastId && { "last-event-id": lastId }), ...credentials() };
  const response = await fetch(where, { headers, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  if (!response.ok) throw refused(response.status, await response.json().catch(() => undefined));
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    throw new ApiError(0, "no_answer", "the control plane's answer is no stream of events");
  }
  opened();
  const reader = new EventReader();
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await pieces.read();
    if (done) return;
    heard();
    for (const event of reader.read(value)) {
      const data = parsed(event.data);
      if (data) yield { ...event, data };
    }
  }
}

/** An event that is no JSON is none, and the others still are. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    return reportError(error);
  }
}

/** A signal that ends when nothing is `heard()` for `ms`, or with `end()`. */
export function silence(ms) {
  const ended = new AbortController();
  let timer;
  const heard = (longer = ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => ended.abort(), longer);
  };
  const end = () => {
    clearTimeout(timer);
    ended.abort();
  };
  return { heard, end, signal: ended.signal };
}

/** Without another token the answer would be the same. */
export const isRefused = (error) => error?.status === 401 || error?.status === 403;

/**
 * Follows the stream until `signal` ends it, or it is refused: it comes back by itself, and goes on behind `lastId()`.
 * `onEvent(event)`; `onState("open" | "ended" | "away", error)` when it is open, when it ends, and when it did not come.
 */
export async function follow(where, { lastId, signal, onEvent, onState }) {
  let pause = SHORTEST_PAUSE_MS;
  while (!signal.aborted) {
    const quiet = silence(SILENCE_MS);
    quiet.heard();
    let openedAt;
    const opened = () => {
      openedAt = performance.now();
      onState("open");
    };
    let wrong;
    try {
      const how = { lastId: lastId(), signal: AbortSignal.any([signal, quiet.signal]), opened, heard: () => quiet.heard() };
      for await (const event of events(where, how)) {
        if (signal.aborted) return;
        onEvent(event);
      }
    } catch (error) {
      wrong = error;
    } finally {
      quiet.end();
    }
    if (signal.aborted) return;
    onState(openedAt ? "ended" : "away", wrong);
    if (isRefused(wrong)) return;
    if (performance.now() - openedAt > LASTING_MS) pause = SHORTEST_PAUSE_MS;
    // A little longer each time, and never as long as everybody else.
    await waited(pause * (0.5 + Math.random() / 2), signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}
