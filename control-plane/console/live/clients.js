// How every client stands, as the stream tells it.

import { Topic } from "../base/topic.js";
import { feed, forgotten } from "./feed.js";
import { history } from "./history.js";
import { Minute } from "./minute.js";

/** Every client that is configured or was heard of, by its id. */
export const clients = new Map();

/** Told after figures changed, at most as often as the stream does. */
export const changed = new Topic();

/** A refusal is shown for so long after it happened, so that a row that flickers can be read. */
const LATELY_MS = 10_000;

/** Whom no list has is forgotten when nothing was heard of it for so long, or when so many others were heard of since. */
const FORGOTTEN_MS = 600_000;
export const STRANGERS_MAX = 5_000;

/** Between two looks of the control plane: later than this after the last one nothing happened that it would tell. */
const LOOK_MS = 600;

const NOTHING = { requests: 0, tokens: 0, refused: 0 };

/** How somebody stands of whom nothing was told yet. */
const UNHEARD = { at: 0, limits: [], inFlight: 0, refusedBy: [], refusedAt: -Infinity, minute: undefined };

/** What is left of limits whose requests all share one bucket, by their names: `{ level, at }`. */
const shared = new Map();

const told = { at: 0, replica: undefined };
let swept = { at: 0, size: 0 };

/** What is left of a limit now: it refills evenly from what was told last. */
export function left(limit, now) {
  const one = shared.get(limit.name);
  const { level, at } = one?.at > limit.at ? one : limit;
  return Math.min(limit.limit, Math.floor(level + limit.perMs * Math.max(0, now - at)));
}

/** The limits that refused its requests of late, the most frequent first. */
export const refusedBy = (client, now) => (isRefused(client, now) ? client.refusedBy : []);

/** Whether it was refused of late. */
export const isRefused = (client, now) => now - client.refusedAt <= LATELY_MS;

/** Requests, tokens and refusals a second, as they are now: what happened since the last look nobody knows yet. */
export const rates = (client, now) => client.minute?.rates(Math.min(now, Math.max(told.at, now - LOOK_MS))) ?? NOTHING;

/** Which part of a limit is left; one in shadow refuses nothing, and comes after all that do. */
export const partLeft = (limit, now) => left(limit, now) / limit.limit + (limit.mode === "shadow" ? 1 : 0);

/** Whether any of its limits is below nothing. */
export const inDebt = (client, now) => client.limits.some((limit) => left(limit, now) < 0);

/** The client of this id; who was not heard of before is there from now on. */
export function of(id) {
  let client = clients.get(id);
  if (!client) {
    client = { id, config: undefined, group: undefined, plan: undefined, ...UNHEARD };
    clients.set(id, client);
  }
  return client;
}

/** A limit as the API tells it: `limit` becomes what a full bucket holds, `level` what was in it `at` that moment. */
export function limitAt(at, { name, measure, limit: amount, burst, remaining, balance, full_in_ms: fullInMs, mode }) {
  const [limit, level] = [burst ?? amount, balance ?? remaining];
  return { name, measure, mode, limit, level, at, perMs: fullInMs > 0 ? (limit - level) / fullInMs : 0 };
}

/** When something was told of, by the reader's clock: of what was missed in a hidden page all comes at once. */
const when = (time) => Date.parse(time) - history.skew;

feed.clients.listen(({ time, clients: figures }) => {
  const at = when(time);
  told.at = at;
  for (const one of figures) {
    const client = of(one.client);
    const limits = one.limits.map((limit) => limitAt(at, limit));
    Object.assign(client, { group: one.group, at, inFlight: one.in_flight, limits });
    client.minute ??= new Minute();
    const seconds = one.over_ms / 1_000;
    const counts = [one.requests_per_s, one.tokens_per_s, one.refused_per_s].map((rate) => rate * seconds);
    client.minute.add(at, one.over_ms, ...counts);
  }
  sweep(at);
  changed.tell();
});

feed.limits.listen(({ time, limits }) => {
  const at = when(time);
  for (const { name, remaining } of limits) {
    if (remaining === undefined) shared.delete(name);
    else shared.set(name, { level: remaining, at });
  }
  changed.tell();
});

feed.refusals.listen(({ time, refusals }) => {
  const at = when(time);
  for (const { client: id, rpm, tpm, limits = {} } of refusals) {
    const by = Object.entries({ ...(rpm && { rpm }), ...(tpm && { tpm }), ...limits });
    Object.assign(of(id), { refusedBy: by.sort((one, other) => other[1] - one[1]).map(([name]) => name), refusedAt: at });
  }
  changed.tell();
});

// Figures are of one process: of another one's nothing is told any more.
feed.ready.listen(({ replica }) => {
  if (replica !== told.replica) unhear();
  told.replica = replica;
});

forgotten.listen(() => {
  clients.clear();
  shared.clear();
  told.replica = undefined;
  changed.tell();
});

function unhear() {
  shared.clear();
  for (const client of clients.values()) Object.assign(client, UNHEARD);
}

function sweep(now) {
  if (now - swept.at < FORGOTTEN_MS / 10 && clients.size < swept.size + STRANGERS_MAX / 5) return;
  const heard = ({ at, refusedAt }) => Math.max(at, refusedAt);
  const strangers = [...clients.values()].filter(({ config }) => !config).sort((one, other) => heard(other) - heard(one));
  strangers.forEach((client, index) => {
    if (index >= STRANGERS_MAX || now - heard(client) > FORGOTTEN_MS) clients.delete(client.id);
  });
  swept = { at: now, size: clients.size };
}
