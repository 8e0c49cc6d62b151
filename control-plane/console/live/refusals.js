// Requests that were refused in the last hour, by the client and by the limit, a quarter of a minute a place.

import { forgotten } from "./feed.js";

const PLACE_MS = 15_000;
const PLACES = 240;

/** So many clients, and pairs of a limit and a client, are told apart in one place. Limits are few: each has its number. */
const CLIENTS = 100;
const PAIRS = 200;

const places = Array.from({ length: PLACES }, () => ({ number: -1 }));

forgotten.listen(() => { for (const place of places) place.number = -1; });

/** A refusal's own name where no limit is behind it: nobody configured the id. */
export const UNKNOWN = "unknown_client";

/** Takes over what one event told. */
export function note(at, refusals) {
  const place = of(Math.floor(at / PLACE_MS));
  if (!place) return;
  for (const { client, requests, rpm, tpm, [UNKNOWN]: unknown, limits = {} } of refusals) {
    place.requests += requests;
    if (!add(place.clients, client, requests, CLIENTS)) place.others += requests;
    for (const [limit, many] of Object.entries({ rpm, tpm, [UNKNOWN]: unknown, ...limits })) {
      if (!many) continue;
      plus(place.limits, limit, many);
      add(place.pairs, `${limit} ${client}`, many, PAIRS);
    }
  }
}

/** How many were refused in each `step` (whole places) from `from` up to `to`, of all together or of one client. */
export function columns(from, to, step, client) {
  const numbers = [];
  for (let time = from; time < to; time += step) {
    let sum = 0;
    for (const place of between(time, Math.min(time + step, to))) {
      sum += client === undefined ? place.requests : place.clients.get(client) ?? 0;
    }
    numbers.push(sum);
  }
  return numbers;
}

/** `{ requests, others, clients: [{ name, requests, by }], limits: […] }` of that time, the most frequent first. */
export function sums(from, to) {
  const all = { requests: 0, others: 0, clients: new Map(), limits: new Map() };
  for (const place of between(from, to)) {
    all.requests += place.requests;
    all.others += place.others;
    for (const [client, many] of place.clients) row(all.clients, client).requests += many;
    for (const [limit, many] of place.limits) row(all.limits, limit).requests += many;
    for (const [pair, many] of place.pairs) {
      const space = pair.indexOf(" ");
      const [limit, client] = [pair.slice(0, space), pair.slice(space + 1)];
      plus(row(all.limits, limit).by, client, many);
      if (all.clients.has(client)) plus(row(all.clients, client).by, limit, many);
    }
  }
  return { ...all, clients: sorted(all.clients), limits: sorted(all.limits) };
}

/** The place of a quarter of a minute; none, where a later one has it. */
function of(number) {
  const place = places[number % PLACES];
  if (number < place.number) return undefined;
  if (number > place.number) {
    Object.assign(place, { number, requests: 0, others: 0, clients: new Map(), limits: new Map(), pairs: new Map() });
  }
  return place;
}

function* between(from, to) {
  for (let number = Math.floor(from / PLACE_MS); number * PLACE_MS < to; number += 1) {
    const place = places[((number % PLACES) + PLACES) % PLACES];
    if (place.number === number) yield place;
  }
}

function add(map, key, many, most) {
  if (!map.has(key) && map.size >= most) return false;
  plus(map, key, many);
  return true;
}

function plus(map, key, many) {
  map.set(key, (map.get(key) ?? 0) + many);
}

function row(map, name) {
  if (!map.has(name)) map.set(name, { name, requests: 0, by: new Map() });
  return map.get(name);
}

const sorted = (rows) => [...rows.values()].sort((one, other) => other.requests - one.requests)
  .map((one) => ({ ...one, by: first(one.by) }));

const first = (by) => [...by].sort((one, other) => other[1] - one[1]).map(([name]) => name);
