// What happens, as the stream tells it, for everybody in the page; and whether it is heard at all.

import { follow } from "../api/stream.js";
import { tokenChanged } from "../api/token.js";
import { Topic } from "../parts/topic.js";

const TOPICS = ["clients", "limits", "config", "refusals", "workers", "replicas", "failures", "ready", "lagged"];

/** Each kind of event, by its name: `feed.config.listen(…)`. */
export const feed = Object.fromEntries(TOPICS.map((name) => [name, new Topic()]));

/**
 * `{ state: "opening" | "open" | "away", since, error }`, and told when it changes; `begins` is the id behind which the
 * stream began, `heard` that of the last event.
 */
export const connection = {
  state: "opening", since: Date.now(), error: undefined, begins: undefined, heard: undefined, changed: new Topic(),
};

let stream;

export function start() {
  stream?.abort();
  stream = new AbortController();
  follow("/api/v1/events", { signal: stream.signal, onEvent: told, onState: moved });
}

tokenChanged.listen(start);

function told({ name, data, id }) {
  if (id !== undefined) connection[name === "ready" ? "begins" : "heard"] = id;
  feed[name]?.tell(data);
}

/** Figures are old from the moment at which they stopped coming: an attempt to come back changes nothing of that. */
function moved(state, error) {
  const wasAway = connection.state === "away" || connection.error !== undefined;
  if (state === "opening" && wasAway) return;
  if (state === connection.state && error?.status === connection.error?.status) return;
  if (!(state === "away" && connection.state === "away")) connection.since = Date.now();
  Object.assign(connection, { state, error });
  connection.changed.tell(connection);
}
