// What a limit says, in words: how much, and whose bucket it is.

import { count } from "./number.js";

const WINDOWS = { "1s": "a second", "1m": "a minute", "1h": "an hour", "1d": "a day" };
const UNITS = { s: "s", m: "min", h: "h", d: "days" };

const one = (measure) => measure.replace(/s$/, "");

/** `1 token`, `300 requests`. */
export const units = (number, measure) => `${count(number)} ${number === 1 ? one(measure) : measure}`;

/** `300 requests a minute, at most 50 at once`; `4 requests at a time`. */
export function amount({ measure, limit, per, burst }) {
  if (measure === "concurrent") return `${units(limit, "requests")} at a time`;
  const window = WINDOWS[per] ?? `in ${per.slice(0, -1)} ${UNITS[per.slice(-1)]}`;
  return `${units(limit, measure)} ${window}${burst === limit ? "" : `, at most ${count(burst)} at once`}`;
}

/** `this client's own`, `each client of plan free`, `the group research, one bucket for all of them`. */
export function whose({ bucket, match, each = [], bucket_of: of = {} }) {
  if (bucket === "unknown") return "all ids that nobody configured, one bucket for all of them";
  if (!match) return "this client's own";
  const named = (names) => names.filter((name) => match[name] !== undefined).map((name) => `${name} ${match[name]}`);
  // Of what has to be one value there is one bucket; beneath a group there are others.
  const many = each.filter((name) => match[name] === undefined || name === "group");
  if (!many.length) {
    const who = listed(named(["client", "group", "plan", "model"]));
    if (match.client !== undefined || each.length) return `${who} alone`;
    return `${match.group === undefined ? who || "all requests" : `the ${who}`}, one bucket for all of them`;
  }
  const owners = listed(named(["client", "group", "plan"]));
  const here = many.filter((name) => name !== "client" && of[name] !== undefined).map((name) => `${name} ${of[name]}`);
  return [
    `each ${listed(many)}`, owners && ` ${many.includes("group") ? "in" : "of"} ${owners}`,
    match.model !== undefined && `, for model ${match.model}`, here.length > 0 && `: here ${listed(here)}`,
  ].filter(Boolean).join("");
}

/** `rpm`, `rpm and tpm`, `rpm, tpm and org`. */
export function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
