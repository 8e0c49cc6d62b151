// What happened in the last hour, collected from the moment the page is opened, whichever screen is shown. What the
// control plane still has of the time before is read once; the rest of it nobody knows any more, and the screens say so.

import { get, path } from "../api/client.js";
import { past, split } from "../api/past.js";
import { Topic } from "../base/topic.js";
import { connection, feed, forgotten } from "./feed.js";
import { note } from "./refusals.js";

export const HOUR_MS = 3_600_000;
const MARKS_MAX = 1_000;
const GAPS_MAX = 100;
const TOPICS = ["workers", "replicas", "failures", "refusals"];

/**
 * `marks` by a key: `{ what, at, until, … }`, of which `until` is missing while it lasts. `since` is from when on all
 * of it is known, but for `gaps`; what only workers do is known since the control plane started, or `forgotten`. Nothing
 * is heard since it is `away`.
 */
export const history = {
  marks: new Map(), gaps: [], since: undefined, opened: undefined, started: undefined, forgotten: undefined,
  away: undefined, replica: undefined, workers: undefined, replicas: undefined, skew: 0, changed: new Topic(),
};

/** Now, by the control plane's clock, which tells the times of events. */
export const now = () => Date.now() + history.skew;

/** Since when nothing was heard before the stream came back. */
let wasAwaySince;

const READ = {
  workers({ time, change, worker, node, mode, version, workers }, isPast) {
    if (!isPast) history.workers = workers;
    mark(`${change} ${worker} ${time}`, { what: change, at: Date.parse(time), worker, node, mode, version, workers });
  },
  replicas({ time, replicas, before }, isPast) {
    if (!isPast) history.replicas = replicas;
    mark(`replicas ${time}`, { what: "replicas", at: Date.parse(time), replicas, before });
  },
  failures({ what, began, ended, worker = "", node }) {
    if (what === "store_away") history.marks.delete("store_away now");
    mark(`${what} ${worker} ${began}`, { what, at: Date.parse(began), until: ended && Date.parse(ended), worker, node });
  },
  refusals({ time, refusals }, isPast) {
    const at = Date.parse(time);
    if (isPast) history.since = Math.min(history.since, at);
    note(at, refusals);
  },
  lagged({ topics }, isPast) {
    if (isPast || !topics.some((topic) => TOPICS.includes(topic))) return;
    history.gaps.push({ from: wasAwaySince ?? now(), to: now() });
    if (history.gaps.length > GAPS_MAX) history.gaps.shift();
  },
};

for (const name of Object.keys(READ)) feed[name].listen((data) => take(name, data));

connection.changed.listen(({ state }) => {
  if (state !== "away" || history.away !== undefined) return;
  history.away = now();
  if (history.since !== undefined) mark(`lost ${history.away}`, { what: "lost", at: history.away });
  history.changed.tell();
});

feed.ready.listen((ready) => {
  const at = Date.parse(ready.time);
  history.skew = at - Date.now();
  history.opened ??= at;
  history.since ??= at;
  const lost = history.marks.get(`lost ${history.away}`);
  if (lost) lost.until = at;
  [wasAwaySince, history.away] = [connection.since + history.skew, undefined];
  const isAnother = ready.replica !== history.replica;
  Object.assign(history, { replica: ready.replica, workers: ready.workers?.length, replicas: ready.replicas });
  storeStands(ready.store_is_away, at);
  if (isAnother) begun();
  fillUp();
  history.changed.tell();
});

/** Up to which number events are known of each process that numbers them: none counts twice, whoever answers next. */
const knownTo = new Map();

/** Whoever was away is told what happened since by the stream itself; what stood there before it began is read here. */
async function fillUp() {
  if (connection.heard) know(connection.heard);
  const [epoch, upTo] = split(connection.begins);
  const behind = knownTo.get(epoch) ?? 0;
  if (upTo <= behind) return;
  know(connection.begins);
  for await (const { name, data } of past({ topics: TOPICS, epoch, behind, upTo })) if (Object.hasOwn(READ, name)) READ[name](data, true);
  history.changed.tell();
}

function know(id) {
  const [epoch, number] = split(id);
  knownTo.set(epoch, Math.max(number, knownTo.get(epoch) ?? 0));
}

/** When this control plane started: of workers the first one that was heard tells all from there on. */
async function begun() {
  try {
    const { data } = await get(path("system"));
    const at = Date.parse(data.started);
    history.started ??= at;
    mark(`started ${data.replica}`, { what: "started", at, replica: data.replica });
    history.changed.tell();
  } catch {
    // It is known from the page's own beginning on, as everything else.
  }
}

/** A store that was away before anybody listened began to be so at a moment that nobody tells. */
function storeStands(isAway, at) {
  const open = [...history.marks.values()].find(({ what, until }) => what === "store_away" && until === undefined);
  if (open && !isAway) open.until = at;
  if (isAway && !open) mark("store_away now", { what: "store_away", at, until: undefined, worker: "", isOlder: true });
}

function take(name, data) {
  READ[name](data, false);
  if (name !== "lagged") wasAwaySince = undefined;
  history.changed.tell();
}

forgotten.listen(() => {
  for (const one of [history.marks, knownTo]) one.clear();
  const nothing = { since: undefined, opened: undefined, started: undefined, forgotten: undefined, replica: undefined };
  Object.assign(history, nothing, { gaps: [] });
  history.changed.tell();
});

function mark(key, what) {
  const { marks } = history;
  marks.set(key, what);
  if (marks.size <= MARKS_MAX) return;
  const [oldest] = [...marks].reduce((one, other) => (other[1].at < one[1].at ? other : one));
  history.forgotten = Math.max(history.forgotten ?? 0, marks.get(oldest).at);
  marks.delete(oldest);
}
