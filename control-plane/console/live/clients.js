// How every client stands: what was read once, and what the stream has told since.

import { get, pages, path } from "../api/client.js";
import { Topic } from "../parts/topic.js";
import { connection, feed } from "./feed.js";
import { Minute } from "./minute.js";
import { EVERYTHING } from "./written.js";

/** Every client that is configured or was heard of, by its id. */
export const clients = new Map();

/** Told after figures changed, at most as often as the stream does. */
export const changed = new Topic();

/** How reading all of them goes: `{ read, done, error }`. */
export const reading = { read: 0, done: false, error: undefined };

/** A refusal is shown for so long after it happened, so that a row that flickers can be read. */
const LATELY_MS = 10_000;

/** Whom no list has is forgotten when nothing was heard of it for so long. */
const FORGOTTEN_MS = 600_000;

let begun;

/** Who was written since all are being read: the stream is newer than any page. */
const written = new Set();

/** Reads all clients, a page at a time. A second call reads them anew. */
export async function readAll() {
  begun?.abort();
  const mine = (begun = new AbortController());
  Object.assign(reading, { read: 0, done: false, error: undefined });
  const known = new Set();
  written.clear();
  const { signal } = mine;
  try {
    const stats = pages(path("stats"), "stats", { signal });
    for await (const page of pages(path("clients"), "clients", { signal })) {
      const standing = new Map((await stats.next()).value ?? []);
      for (const [id, config] of page) {
        known.add(id);
        if (!written.has(id)) configured(id, config, standing.get(id));
      }
      reading.read += page.length;
      changed.tell();
    }
    for (const [id, client] of clients) if (client.config && !known.has(id) && !written.has(id)) clients.delete(id);
    reading.done = true;
  } catch (error) {
    if (signal.aborted) return;
    reading.error = error;
  }
  changed.tell();
}

/** What is left of a limit now: the stream says it once, and from there on an even refill is a straight line. */
export function left(limit, now) {
  if (!(limit.fullInMs > 0)) return limit.remaining;
  const part = Math.min(1, (now - limit.at) / limit.fullInMs);
  return Math.floor(limit.remaining + (limit.limit - limit.remaining) * part);
}

/** The limits that refused its requests of late, the most frequent first. */
export const refusedBy = (client, now) => (isRefused(client, now) ? client.refusedBy : []);

/** Whether it was refused of late. */
export const isRefused = (client, now) => now - client.refusedAt <= LATELY_MS;

/** Requests, tokens and refusals a second, as they are now. */
export const rates = (client, now) => client.minute?.rates(now) ?? NOTHING;

const NOTHING = { requests: 0, tokens: 0, refused: 0 };

/** Whether any of its limits is below nothing. */
export const inDebt = (client, now) => client.limits.some((limit) => left(limit, now) < 0);

function configured(id, config, stats) {
  const client = of(id);
  Object.assign(client, { config, group: config.group, plan: config.plan });
  // What the stream has said is newer than any page.
  if (stats && !client.at) client.limits = fromStats(config, stats);
}

function fromStats(config, stats) {
  const at = Date.now();
  const own = [["rpm", "requests", stats.rpm_remaining], ["tpm", "tokens", stats.tpm_balance ?? stats.tpm_remaining]];
  const two = own.filter(([name]) => config[name]).map(([name, measure, remaining]) => {
    const limit = config[name];
    return { name, measure, limit, remaining, at, fullInMs: ((limit - remaining) / limit) * 60_000 };
  });
  return [...two, ...(stats.limits ?? []).map((limit) => ({ ...limit, at }))];
}

function of(id) {
  let client = clients.get(id);
  if (!client) {
    client = {
      id, config: undefined, group: undefined, plan: undefined, at: 0, limits: [],
      inFlight: 0, refusedBy: [], refusedAt: -Infinity, minute: undefined,
    };
    clients.set(id, client);
  }
  return client;
}

feed.clients.listen(({ clients: told }) => {
  const at = Date.now();
  for (const figures of told) {
    const client = of(figures.client);
    client.group = figures.group;
    client.at = at;
    client.inFlight = figures.in_flight;
    client.limits = figures.limits.map(({ full_in_ms: fullInMs, ...limit }) => ({ ...limit, fullInMs, at }));
    client.minute ??= new Minute();
    const seconds = figures.over_ms / 1_000;
    client.minute.add(at, figures.requests_per_s * seconds, figures.tokens_per_s * seconds, figures.refused_per_s * seconds);
  }
  forget(at);
  changed.tell();
});

let forgotAt = 0;

function forget(now) {
  if (now - forgotAt < FORGOTTEN_MS / 10) return;
  forgotAt = now;
  for (const [id, { config, at, refusedAt }] of clients) {
    if (!config && now - Math.max(at, refusedAt) > FORGOTTEN_MS) clients.delete(id);
  }
}

feed.refusals.listen(({ refusals }) => {
  const at = Date.now();
  for (const { client: id, rpm, tpm, limits = {} } of refusals) {
    const by = Object.entries({ ...(rpm && { rpm }), ...(tpm && { tpm }), ...limits });
    Object.assign(of(id), { refusedBy: by.sort((one, other) => other[1] - one[1]).map(([name]) => name), refusedAt: at });
  }
  changed.tell();
});

feed.config.listen(async ({ object, action }) => {
  if (object === EVERYTHING) {
    await readAll();
    return;
  }
  const id = /^client\/(.*)$/s.exec(object)?.[1];
  if (id === undefined) return;
  written.add(id);
  if (action === "delete") {
    clients.delete(id);
    changed.tell();
  } else await readOne(id);
});

async function readOne(id) {
  try {
    const [{ data: config }, { data: stats }] = await Promise.all([get(path("clients", id)), get(path("clients", id, "stats"))]);
    of(id).at = 0;
    configured(id, config, stats);
  } catch (error) {
    if (error.status === 404) clients.delete(id);
  }
  changed.tell();
}

feed.lagged.listen(() => readAll());

// Whoever was away reads all anew: what happened meanwhile was told to nobody.
let wasOpen = false;
connection.changed.listen(({ state }) => {
  if (state === "open" && !wasOpen) readAll();
  wasOpen = state === "open";
});
