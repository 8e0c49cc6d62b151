// One change: who did what to what, what it was and has become, and the way back.

import { differenceList, differences } from "../../parts/difference.js";
import { el, fill, say, set } from "../../parts/element.js";
import { facts } from "../../parts/facts.js";
import { count, counted } from "../../parts/number.js";
import { button, link } from "../../parts/shapes.js";
import { time } from "../../parts/time.js";
import { undo, whyNot } from "./undo.js";
import { done, thing, who } from "./words.js";

/** So many fields are told at once; the others with the details. */
const FIELDS = 6;

/** What the name of a thing says already. */
const known = (object) => (object.startsWith("limit/") ? ["name"] : ["client_id", "public_part"]);

/** How long a change that came while somebody looks is marked. */
const FRESH_MS = 8_000;

/** A line of the list; `isOfOne` says that the list is about one object already. */
export function change(isOfOne, isFresh, signal) {
  const node = el("li.change");
  if (isFresh) {
    node.classList.add("fresh");
    setTimeout(() => node.classList.remove("fresh"), FRESH_MS);
  }
  let shown;
  return {
    node,
    show(entry) {
      if (shown?.outcome === entry.outcome) return;
      shown = entry;
      node.dataset.action = entry.action;
      fill(node, head(entry), what(entry), foot(entry, isOfOne, signal));
    },
  };
}

const head = (entry) => el(
  "div.change-head", el("span.change-verb", done(entry)), el("span.change-object", thing(entry.object)),
  entry.outcome === "failed" && el("span.badge.bad", "failed: not made"),
  el("span.change-who", `by ${who(entry.actor)}`), time(entry.time),
);

function what({ action, object, before, after }) {
  if (action === "reset") return el("p.muted", "Its buckets were filled.");
  if (action === "apply") return applied(after);
  const large = [before, after].find((value) => value?.too_large);
  if (large) return el("p.muted", `Too large to be told here: ${count(large.bytes)} bytes.`);
  const list = differences(before, after, known(object));
  if (!list.length) return el("p.muted", "Nothing in it is another one.");
  const rest = list.slice(FIELDS);
  const sides = { isNew: before === undefined, isGone: after === undefined };
  return [
    differenceList(list.slice(0, FIELDS), sides),
    rest.length > 0 && el("details", el("summary", counted(rest.length, "more field")), differenceList(rest, sides)),
  ];
}

/** Of a whole configuration the audit has how many of each kind, and the first names. */
function applied(after = {}) {
  const lists = ["created", "replaced", "deleted"].flatMap((verb) =>
    Object.entries(after[verb] ?? {}).map(([kind, { count: many, first }]) => ({ verb, kind, many, first })));
  if (!lists.length) return el("p.muted", "Nothing in it was another one.");
  const sum = lists.map(({ verb, kind, many }) => `${verb} ${counted(many, kind.replace(/s$/, ""))}`).join(", ");
  return [
    el("p", `It ${sum}.`),
    el("details", el("summary", "Which ones"), factsOf(lists.map(({ verb, kind, many, first }) =>
      [`${verb} ${kind}`, `${first.join(", ")}${many > first.length ? ` and ${count(many - first.length)} more` : ""}`]))),
  ];
}

function factsOf(all) {
  const list = facts();
  list.show(all);
  return list.node;
}

function foot(entry, isOfOne, signal) {
  const why = whyNot(entry);
  const state = el("span.muted", { role: "status" });
  const undoing = why === undefined && button("Undo …", async () => {
    if (undoing.getAttribute("aria-disabled")) return;
    set(undoing, "aria-disabled", "true");
    say(state, "");
    say(state, (await undo(entry, signal)) ?? "");
    set(undoing, "aria-disabled", null);
  }, { "aria-label": `Undo: ${entry.object}, ${done(entry)}` });
  const code = (text) => text && el("code", text);
  return el("div.change-foot", el("details.change-more", el("summary", "Details"), factsOf([
    ["Revision", entry.revision !== undefined && count(entry.revision)], ["Request id", code(entry.request_id)],
    ["From", entry.address], ["Token", code(entry.actor?.public_part)], ["Number", count(entry.id)], ["Outcome", entry.outcome],
    ["Undo", why],
  ]), !isOfOne && link(`All changes of ${entry.object}`, ["events"], { object: entry.object })), state, undoing);
}
