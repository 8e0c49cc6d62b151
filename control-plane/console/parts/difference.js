// What differs between two configurations of one thing, field by field.

import { el } from "./element.js";
import { count } from "./number.js";
import { table } from "./table.js";
import { time } from "./time.js";

/** `[{ name, before, after }]`; a whole side that is missing is a thing that is not there. */
export function differences(before, after, without = []) {
  if (Array.isArray(before ?? after)) return same(before, after) ? [] : [{ name: "patterns", before, after }];
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names].filter((name) => !without.includes(name) && !same(before?.[name], after?.[name]))
    .map((name) => ({ name, before: before?.[name], after: after?.[name] }));
}

/** Whether two values are one: objects may have their fields in any order. */
export const same = (one, other) => JSON.stringify(one, ordered) === JSON.stringify(other, ordered);

function ordered(_, value) {
  if (value?.constructor !== Object) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A field's value as text; a moment follows the reader's zone. */
export function worded(name, value) {
  if (value === undefined) return "not set";
  if (value === null) return name === "rpm" || name === "tpm" ? "no limit" : "none";
  if (typeof value === "number") return count(value);
  if (Array.isArray(value)) return value.map((one) => worded("", one)).join(", ") || "none";
  if (typeof value !== "object") return /_at$/.test(name) && Date.parse(value) ? time(value) : String(value);
  const inside = Object.entries(value).map(([key, one]) => `${key} ${worded(key, one)}`).join(", ");
  return inside || (name === "match" ? "every request" : "none");
}

/** `rpm 300 → 77`, in a list; of what is new or gone as a whole, the values alone. */
export function differenceList(list, { isNew, isGone }) {
  const hint = (text) => el("span.unseen", text);
  return el("ul.difference", list.map(({ name, before, after }) => el(
    "li", el("span.difference-name", name), " ",
    !isNew && [hint("was "), el("del", { dir: "auto" }, worded(name, before)), " "],
    !isNew && !isGone && [el("span", { "aria-hidden": "true" }, "→ "), hint("is now ")],
    !isGone && el("ins", { dir: "auto" }, worded(name, after)),
  )));
}

/** `[name, before, after]` in a table, each as it is to be read, below the `heads` of both; without `before`, what is new. */
export function differenceTable(list, heads) {
  const isNew = list.every(([, before]) => before === undefined);
  const all = table({ label: "What changes", kind: "compared", columns: ["Field", ...(isNew ? ["Value"] : heads)] });
  all.show(list.map(([name, before, after]) => [
    el("b", name), ...(isNew ? [] : [el("span.before", { dir: "auto" }, before)]), el("span.after", { dir: "auto" }, after),
  ]));
  return all.node;
}
