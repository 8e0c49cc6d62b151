// What the control plane still has of events that happened before: a second stream, which is over as soon as it is read.

import { events, silence } from "./stream.js";

/** What is there comes at once: after so much silence there is no more. */
const QUIET_MS = 1_500;

/**
 * Yields events of `topics` behind the number `behind`, up to the number `upTo`, of the process that numbers them by
 * `epoch`. A place for it may be missing: then nothing is told, as if nothing were kept.
 */
export async function* past({ topics, epoch, behind, upTo }) {
  const quiet = silence(QUIET_MS);
  quiet.heard(10 * QUIET_MS);
  const how = { lastId: `${epoch}-${behind}`, signal: quiet.signal, heard: () => quiet.heard() };
  try {
    for await (const event of events(`/api/v1/events?topics=${topics.join(",")}`, how)) {
      if (event.id === undefined || event.name === "ready") continue;
      const [of, number] = split(event.id);
      if (of !== epoch || number > upTo) return;
      yield event;
      if (number === upTo) return;
    }
  } catch {
    // The end of waiting is an error as well; what was read until then counts.
  } finally {
    quiet.end();
  }
}

/** Which process numbered an event, and the number. */
export function split(id) {
  const dash = id.lastIndexOf("-");
  return [id.slice(0, dash), Number(id.slice(dash + 1))];
}
