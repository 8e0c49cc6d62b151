// What happens, as the stream tells it, for everybody in the page; and whether it is heard at all.

import { follow, isRefused } from "../api/stream.js";
import { token, tokenChanged } from "../api/token.js";
import { Topic } from "../base/topic.js";
import { whileSeen } from "../base/while.js";

const TOPICS = ["clients", "limits", "config", "refusals", "workers", "replicas", "failures"];

/** A browser has six connections for all its tabs: a page that nobody has seen for so long gives its own back. */
const UNSEEN_MS = 5_000;

/** A stream that ended and is back within that time was never away. */
const GRACE_MS = 2_000;

/** Each kind of event, by its name: `feed.config.listen(…)`. */
export const feed = Object.fromEntries([...TOPICS, "ready", "lagged"].map((name) => [name, new Topic()]));

/** Told the topics of which something may have happened that nobody was told: what is shown of them is read anew. */
export const missed = new Topic();

/** Told when what is known is no more for who sits here: the token was taken away, or a new one may not read. */
export const forgotten = new Topic();

/**
 * `{ state: "opening" | "open" | "away", since, error }`, and told when it changes; `since` is when figures stopped coming
 * last. `begins` is the id behind which the stream began, if one ever did, `heard` that of the last event.
 */
export const connection = {
  state: "opening", since: Date.now(), error: undefined, begins: undefined, heard: undefined, changed: new Topic(),
};

/** The moment that figures are shown of. */
export const shownAt = () => (connection.state === "open" ? Date.now() : connection.since);

let stream;
let isHeard = false;
let late;
let lastId;
let isTokenNew = false;

export function start() {
  whileSeen(UNSEEN_MS, () => { if (!isRefused(connection.error)) begin(); }, stop);
}

function begin() {
  stop();
  stream = new AbortController();
  follow(`/api/v1/events?topics=${TOPICS.join(",")}`, {
    lastId: () => lastId, signal: stream.signal, onEvent: told, onState: moved,
  });
}

/** Ends it on purpose: it is not away, and goes on behind the last event. */
function stop() {
  stream?.abort();
  clearTimeout(late);
  silent();
  if (connection.state === "open") change("opening");
}

tokenChanged.listen(() => {
  isTokenNew = true;
  if (!token()) forget();
  begin();
});

function forget() {
  lastId = undefined;
  Object.assign(connection, { begins: undefined, heard: undefined });
  forgotten.tell();
}

function told({ name, data, id }) {
  if (id !== undefined) {
    lastId = id;
    connection[name === "ready" ? "begins" : "heard"] = id;
  }
  if (Object.hasOwn(feed, name)) feed[name].tell(data);
}

feed.lagged.listen(({ topics }) => missed.tell(topics));

function moved(state, error) {
  clearTimeout(late);
  if (state === "ended") {
    silent();
    late = setTimeout(change, GRACE_MS, "away");
    return;
  }
  if (state === "open") {
    isHeard = true;
    isTokenNew = false;
  } else if (isTokenNew && isRefused(error)) forget();
  change(state, error);
  if (state === "open" && lastId === undefined) missed.tell(TOPICS);
}

/** Figures are old from here on: attempts to come back change nothing of that. */
function silent() {
  if (isHeard) connection.since = Date.now();
  isHeard = false;
}

function change(state, error) {
  if (state === connection.state && error?.code === connection.error?.code) return;
  Object.assign(connection, { state, error });
  connection.changed.tell(connection);
}
