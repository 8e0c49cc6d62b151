// What a time line shows: marks with the words for them, times that last, and where nothing is known.

import { history, HOUR_MS, now } from "../../live/history.js";
import { counted, duration } from "../../parts/number.js";
import { el } from "../../parts/element.js";
import { done, thing, who } from "./words.js";

const WORDS = {
  joined: (of) => `A worker joined: ${named(of)}, mode ${of.mode}; ${counted(of.workers, "worker")} then`,
  left: (of) => `A worker left: ${named(of)}; ${of.workers ? counted(of.workers, "worker") : "none"} then`,
  replicas: ({ replicas, before }) => `The store is shared by ${counted(replicas, "control plane")}, by ${before} before`,
  lost: ({ at, until }) => `The connection was lost${until === undefined ? ", and still is" : `, for ${duration(until - at)}`}`,
  started: ({ replica }) => `The control plane ${replica} started`,
  worker_away: (of) => `Worker ${named(of)} could not ask: its requests met FAILURE_MODE${lasting(of)}`,
  store_away: (of) => `The store was away${of.isOlder ? " already" : ""}: requests met STORE_FAILURE_MODE${lasting(of)}`,
  config: ({ entry }) => [
    thing(entry.object), ` ${done(entry)} by ${who(entry.actor)}${entry.outcome === "failed" ? ", which failed" : ""}`,
  ],
};

/** Whether it is a time in which failure modes were met. */
export const isFailing = ({ what }) => what.endsWith("_away");

const named = ({ worker, node }) => (node ? `${worker} of ${node}` : worker);

function lasting({ at, until }) {
  return until === undefined ? ", and does so now" : `, for ${duration(until - at)}`;
}

/** A mark in words, as nodes and texts. */
export const words = (mark) => el("span", { dir: "auto" }, WORDS[mark.what](mark));

/** Everything between `from` and `to`, the newest first. */
export function between(from, to, entries) {
  const changes = entries.map((entry) => (
    { what: "config", at: Date.parse(entry.time), entry, key: `config ${entry.id} ${entry.time}` }));
  const marks = [...history.marks].map(([key, mark]) => ({ ...mark, key }));
  const seen = ({ what, at, until = isFailing({ what }) || what === "lost" ? to : at }) => until >= from && at <= to;
  return [...changes, ...marks].filter(seen).sort((one, other) => other.at - one.at);
}

/** A worker that comes in the moment in which another one goes leaves nobody without. */
const SHORTEST_MS = 1_000;

/** Times in which no worker had a stream, as far as it is known. */
export function withoutWorkers(from, to) {
  const moves = [...history.marks.values()].filter(({ what }) => ["joined", "left", "started"].includes(what));
  const spans = [];
  let began;
  for (const { what, at, workers = 0 } of moves.sort((one, other) => one.at - other.at)) {
    if (workers === 0) began ??= at;
    else if (began !== undefined) {
      spans.push({ at: began, until: at });
      began = undefined;
    }
  }
  if (began !== undefined && history.workers === 0) spans.push({ at: began, until: to });
  return spans.filter(({ at, until }) => until > from && until - at > SHORTEST_MS);
}

/** How long of that time failure modes were met, in milliseconds. */
export function failing(marks, from, to) {
  const spans = marks.filter(isFailing)
    .map(({ at, until = to }) => [Math.max(at, from), Math.min(until, to)]);
  let [sum, end] = [0, from];
  for (const [at, until] of spans.sort((one, other) => one[0] - other[0])) {
    sum += Math.max(0, until - Math.max(at, end));
    end = Math.max(end, until);
  }
  return sum;
}

/** Times of which nothing but changes is known, since events are missing, or are not heard now. */
export function missing(from, to) {
  const now = history.away === undefined ? [] : [{ from: history.away, to }];
  return [...history.gaps, ...now].filter((gap) => gap.to > from && gap.from < to);
}

/** Times of which a lane knows nothing: before it began to know, and where something is missing. */
export function unknown(lane, audit, from, to) {
  const began = {
    config: audit.cursor ? Date.parse(audit.entries.at(-1).time) : audit.done ? -Infinity : to,
    workers: Math.max(history.started ?? history.since ?? to, history.forgotten ?? 0),
  }[lane] ?? history.since ?? to;
  return [...(began > from ? [{ from, to: began }] : []), ...(lane === "config" ? [] : missing(from, to))];
}

export const SPANS = [
  { text: "5 min", long: "5 minutes", ms: 300_000, step: 15_000, tick: 60_000 },
  { text: "15 min", long: "15 minutes", ms: 900_000, step: 15_000, tick: 180_000 },
  { text: "1 hour", long: "hour", ms: HOUR_MS, step: 60_000, tick: 900_000 },
];

/** The time that is looked at, whose end is the end of the column that is filled now. */
export function looked({ ms, step }) {
  const to = Math.floor(now() / step) * step + step;
  return { from: to - ms, to, now: now() };
}
