// What may be meant by the beginning of a word. The field takes any other text all the same.

import { path, get } from "../api/client.js";
import { calmly } from "../base/while.js";
import { clients } from "../live/clients.js";
import { el, fill, set } from "./element.js";

const PAUSE_MS = 200;
const MOST = 20;

/** Offers what `find(text)` answers while the reader types. A list that cannot be read offers nothing. */
export function suggest(input, find) {
  const list = el("datalist", { id: `${input.id}-list` });
  set(input, "list", list.id);
  const ask = async () => {
    const text = input.value.trim();
    const found = await find(text).catch(() => []);
    if (text === input.value.trim()) fill(list, found.slice(0, MOST).map((one) => el("option", { value: one })));
  };
  input.addEventListener("focus", ask);
  input.addEventListener("input", calmly(PAUSE_MS, ask));
  return list;
}

/** Ids of clients that have the text in them, first those that begin so. */
export async function ids(text) {
  const wanted = text.toLowerCase();
  const begins = (id) => id.toLowerCase().startsWith(wanted);
  return [...clients.keys()].filter((id) => id.toLowerCase().includes(wanted)).sort((one, other) => begins(other) - begins(one));
}

/** Names of models as requests have them: of each model its first pattern, with nothing where that has a `*`. */
export async function models(prefix, limit = MOST) {
  const { data } = await get(path("models"), { query: { prefix, limit } });
  return Object.entries(data.models).map(([name, [pattern]]) => ({ name, value: pattern.replaceAll("*", "") || name }));
}

/** Groups or plans that clients are in, as far as they are known here. */
export const known = (field) => async (text) =>
  [...new Set([...clients.values()].map((client) => client[field]))].filter((name) => name?.startsWith(text)).sort();
