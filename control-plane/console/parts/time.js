// Moments, in the reader's zone or in UTC, which the reader chooses for all of them at once.

import { keep, kept } from "../base/kept.js";
import { Topic } from "../base/topic.js";
import { el, say } from "./element.js";
import { duration } from "./number.js";

const KEPT = "flowguard.utc";
let utc = kept(KEPT) === "1";

/** Told when the reader chose the other zone. */
export const zoneChanged = new Topic();

export const isUtc = () => utc;

export function chooseUtc(chosen) {
  utc = chosen;
  keep(KEPT, chosen ? "1" : "0");
  for (const node of document.querySelectorAll("time[datetime]")) write(node);
  zoneChanged.tell(utc);
}

const forms = (zone) => ({
  clock: new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone }),
  full: new Intl.DateTimeFormat("en-CA", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    hourCycle: "h23", timeZone: zone,
  }),
});
const local = forms(undefined);
const universal = forms("UTC");

/** `14:03:07`, with ` UTC` where that is chosen. */
export function clock(moment) {
  return (utc ? universal : local).clock.format(new Date(moment)) + (utc ? " UTC" : "");
}

/** `2026-11-27 14:03:07`. */
function full(moment) {
  const text = (utc ? universal : local).full.format(new Date(moment)).replace(",", "");
  return text + (utc ? " UTC" : "");
}

/** `14:03:07.123`, with the day before it where that is another one than today. */
export function exact(moment) {
  const [day, clockTime, zone] = full(moment).split(" ");
  const ms = String(new Date(moment).getUTCMilliseconds()).padStart(3, "0");
  return [day !== full(Date.now()).split(" ")[0] && day, `${clockTime}.${ms}`, zone].filter(Boolean).join(" ");
}

/** A `<time>` that follows the chosen zone, and has the other one at hand where a pointer rests on it. */
export function time(moment, form = "full") {
  const node = el("time", { datetime: new Date(moment).toISOString(), "data-form": form });
  write(node);
  return node;
}

/** How long ago, in one unit: `just now`, `40 s ago`, `3 min ago`. */
export function ago(moment, now = Date.now()) {
  const ms = now - new Date(moment).getTime();
  if (ms < 2_000) return "just now";
  return `${duration(Math.floor(ms / 1_000) * 1_000).split(" ").slice(0, 2).join(" ")} ago`;
}

function write(node) {
  const moment = node.getAttribute("datetime");
  say(node, ({ clock, exact }[node.dataset.form] ?? full)(moment));
  node.title = utc ? `${local.full.format(new Date(moment)).replace(",", "")} here` : moment;
}
