// Who is configured, and how: all are read once, and what was written since is read anew.

import { get, pages, path } from "../api/client.js";
import { waited } from "../base/while.js";
import { changed, clients, limitAt, of } from "./clients.js";
import { feed, forgotten, missed } from "./feed.js";
import { EVERYTHING } from "./written.js";

/** How many of them were read, whether all were once, and why they could not be the last time. */
export const reading = { read: 0, done: false, error: undefined };

/** Writes come together: whoever applies hundreds of them does so in a moment. */
const CALM_MS = 200;
const AGAIN_MS = 3_000;

/** More than so many are read as all of them are, in pages. */
const ONE_BY_ONE_MAX = 50;

const MINUTE_MS = 60_000;

/** What has to be read: all, or these clients. A client that was deleted is read no more. */
let isAllDue = false;
const due = new Set();

/** Who was written, and who of them was deleted, since what is read now was asked for: the stream is newer than it. */
const written = new Set();
const deleted = new Set();

let isReading = false;

/** Ends what is read now. */
let reader = new AbortController();

/** Reads all clients anew. */
export function readAll() {
  isAllDue = true;
  read();
}

/** One reading after the other, so that no answer is older than the one before it. */
async function read() {
  if (isReading) return;
  isReading = true;
  while (isAllDue || due.size) {
    // The first reading is waited for by somebody.
    if (reading.done) await waited(CALM_MS);
    const isAll = isAllDue || due.size > ONE_BY_ONE_MAX;
    const some = [...due];
    isAllDue = false;
    for (const set of [due, written, deleted]) set.clear();
    const { signal } = reader;
    const isRead = await (isAll ? all(signal) : each(some, signal));
    changed.tell();
    if (!isRead) await waited(AGAIN_MS);
  }
  isReading = false;
}

/** Of two lists that are read at the same time, which shift against each other where somebody is created meanwhile. */
async function all(signal) {
  Object.assign(reading, { read: 0, error: undefined });
  const known = new Set();
  const standings = new Map();
  const at = Date.now();
  const stand = (id) => {
    if (!known.has(id) || !standings.has(id)) return;
    stands(id, standings.get(id), at);
    standings.delete(id);
  };
  const configurations = async () => {
    for await (const page of pages(path("clients"), "clients", { signal })) {
      for (const [id, config] of page) {
        known.add(id);
        if (written.has(id)) continue;
        configured(id, config);
        stand(id);
      }
      reading.read += page.length;
      changed.tell();
    }
  };
  const statistics = async () => {
    for await (const page of pages(path("stats"), "stats", { signal })) {
      for (const [id, stats] of page) {
        if (written.has(id)) continue;
        standings.set(id, stats);
        stand(id);
      }
    }
  };
  try {
    await Promise.all([configurations(), statistics()]);
  } catch (error) {
    return signal.aborted || failed(error);
  }
  for (const [id, { config }] of clients) if (config && !known.has(id) && !written.has(id)) clients.delete(id);
  reading.done = true;
  return true;
}

function failed(error) {
  reading.error = error;
  isAllDue ||= mayPass(error);
  return false;
}

/** What is tried again by itself: the answer may be another one. */
const mayPass = ({ status }) => status === 0 || status === 429 || status >= 500;

async function each(ids, signal) {
  const at = Date.now();
  const results = await Promise.allSettled(ids.map(async (id) => {
    const [{ data: config }, { data: stats }] = await Promise.all(
      [path("clients", id), path("clients", id, "stats")].map((where) => get(where, { signal })));
    if (deleted.has(id)) return;
    configured(id, config);
    stands(id, stats, at);
  }));
  ids.forEach((id, index) => {
    const { reason } = results[index];
    if (reason?.status === 404) clients.delete(id);
    else if (reason && mayPass(reason) && !deleted.has(id)) due.add(id);
  });
  return signal.aborted || results.every(({ reason }) => !reason || reason.status === 404);
}

function configured(id, config) {
  const { group, plan } = config;
  Object.assign(of(id), { config, group, plan });
}

/** What is left of each limit, unless the stream said so after it was asked for. */
function stands(id, stats, at) {
  const client = of(id);
  if (client.at > at) return;
  const { rpm, tpm } = client.config;
  const own = [
    ["rpm", "requests", rpm, stats.rpm_remaining], ["tpm", "tokens", tpm, stats.tpm_balance ?? stats.tpm_remaining],
  ].filter(([, , limit]) => limit).map(([name, measure, limit, level]) => ({ name, measure, limit, level, at, perMs: limit / MINUTE_MS }));
  client.limits = [...own, ...(stats.limits ?? []).map((limit) => limitAt(at, limit))];
}

feed.config.listen(({ object, action }) => {
  const [, kind, id] = /^([^/]+)\/(.*)$/s.exec(object) ?? [];
  if (kind === "client") {
    written.add(id);
    if (action === "delete") {
      deleted.add(id);
      due.delete(id);
      clients.delete(id);
      changed.tell();
    } else {
      deleted.delete(id);
      due.add(id);
    }
  } else if (object === EVERYTHING || kind === "limit" || kind === "model") {
    isAllDue = true;
  }
  read();
});

missed.listen(readAll);

forgotten.listen(() => {
  reader.abort();
  reader = new AbortController();
  for (const set of [due, written, deleted]) set.clear();
  isAllDue = false;
  Object.assign(reading, { read: 0, done: false, error: undefined });
});
