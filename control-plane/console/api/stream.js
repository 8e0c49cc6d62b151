// Streams of events. They are fetched, since an EventSource shows no token.

import { refused } from "./client.js";
import { EventReader } from "./sse.js";
import { credentials } from "./token.js";
import { waited } from "../parts/while.js";

/** Longer than two heartbeats: a stream that says nothing for so long is dead. */
const SILENCE_MS = 35_000;
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** The events `{ name, data, id }` behind `lastId`; `opened()` is told when they begin, `heard()` whenever any come. */
export async function* events(where, { lastId, signal, opened = () => {}, heard }) {
  const headers = { accept: "text/event-stream", ...(lastId && { "last-event-id": lastId }), ...credentials() };
  const response = await fetch(where, { headers, signal, cache: "no-store", credentials: "omit" });
  if (!response.ok) throw refused(response.status, await response.json().catch(() => undefined));
  opened();
  const reader = new EventReader();
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await pieces.read();
    if (done) return;
    heard();
    for (const { name, data, id } of reader.read(value)) yield { name, data: JSON.parse(data), id };
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

/**
 * Follows the stream until `signal` ends it: it comes back by itself, and goes on where it was. `onEvent(event)`, and
 * `onState("opening" | "open" | "away", error)` when that changes.
 */
export async function follow(where, { signal, onEvent, onState }) {
  let pause = SHORTEST_PAUSE_MS;
  let lastId;
  const opened = () => {
    pause = SHORTEST_PAUSE_MS;
    onState("open");
  };
  while (!signal.aborted) {
    onState("opening");
    const quiet = silence(SILENCE_MS);
    quiet.heard();
    try {
      const how = { lastId, signal: AbortSignal.any([signal, quiet.signal]), opened, heard: () => quiet.heard() };
      for await (const event of events(where, how)) {
        if (signal.aborted) return;
        lastId = event.id ?? lastId;
        onEvent(event);
      }
      onState("away");
    } catch (error) {
      if (signal.aborted) return;
      onState("away", error);
      // Without another token the answer is the same: whoever gets one begins a stream anew.
      if (error.status === 401 || error.status === 403) return;
    } finally {
      quiet.end();
    }
    // A little longer each time, and never as long as everybody else.
    await waited(pause * (0.5 + Math.random() / 2), signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}
