// Which clients are shown, and in which order.

import { inDebt, isRefused, partLeft, rates } from "../../live/clients.js";

/** Which clients are meant by the words of the second choice. */
export const KINDS = {
  all: { text: "All", is: () => true },
  active: { text: "Active", is: (client, now) => rates(client, now).requests > 0 || client.inFlight > 0 },
  refused: { text: "Refused", is: isRefused },
  debt: { text: "In debt", is: inDebt },
};

/** By what clients can stand together. */
export const GROUPS = { none: { text: "Not grouped" }, group: { text: "By group" }, plan: { text: "By plan" } };

/** How clients can be sorted; what is equal is in the order of ids. */
export const ORDERS = {
  refused: {
    text: "Refused first",
    by: (client, now) => [isRefused(client, now) ? client.minute?.refused() ?? 0 : -1, rates(client, now).requests],
  },
  requests: { text: "Requests a second", by: (client, now) => [rates(client, now).requests] },
  tokens: { text: "Tokens a second", by: (client, now) => [rates(client, now).tokens] },
  left: { text: "Least left", by: (client, now) => [-least(client, now)] },
  flight: { text: "In flight", by: (client) => [client.inFlight] },
  id: { text: "Id", by: () => [] },
};

/** `{ client }` a row, and before those of one group `{ group, many, … }`. */
export function chosen(clients, { text, kind, order, group }, now) {
  const wanted = text.trim().toLowerCase();
  const list = [];
  for (const client of clients.values()) {
    const names = [client.id, client.group ?? "", client.plan ?? ""];
    if (wanted && !names.some((name) => name.toLowerCase().includes(wanted))) continue;
    if (KINDS[kind].is(client, now)) list.push({ client, by: ORDERS[order].by(client, now) });
  }
  list.sort(compare);
  return group === "none" ? list : grouped(list, group, now);
}

function compare(one, other) {
  const place = one.by.findIndex((figure, index) => figure !== other.by[index]);
  return place < 0 ? (one.client.id < other.client.id ? -1 : 1) : other.by[place] - one.by[place];
}

/** The smallest part that any of its limits has left; who has none has all. */
function least(client, now) {
  return client.limits.reduce((low, limit) => Math.min(low, partLeft(limit, now)), 1);
}

function grouped(list, by, now) {
  const groups = Map.groupBy(list, (item) => item.client[by] ?? "");
  return [...groups].flatMap(([name, members]) => [
    { group: `${by} ${name}`, name: name || `no ${by}`, many: members.length, sums: together(members, now) }, ...members,
  ]);
}

/** What clients do together. */
export function together(members, now) {
  const sums = { requests: 0, tokens: 0, refused: 0, flight: 0, active: 0, denied: 0 };
  for (const { client } of members) {
    const { requests, tokens, refused } = rates(client, now);
    sums.requests += requests;
    sums.tokens += tokens;
    sums.refused += refused;
    sums.flight += client.inFlight;
    if (KINDS.active.is(client, now)) sums.active += 1;
    if (isRefused(client, now)) sums.denied += 1;
  }
  return sums;
}
