// The fields of one thing, what differs from what is in force, and what that would have done.

import { announce } from "../../parts/announce.js";
import { differenceTable, same } from "../../parts/difference.js";
import { el, fill } from "../../parts/element.js";
import { fieldset, textField } from "../../parts/form.js";
import { counted } from "../../parts/number.js";
import { takenApart } from "./errors.js";
import { memoryOfOne, outlook } from "./outlook.js";

/**
 * `base()` is what is in force, `{ config, etag }`, or nothing of what is new; `submit()` is what Enter does; `more` stands
 * beside the fields as well.
 */
export function editor(kind, name, { base, submit, actions, more }) {
  const isNew = name === undefined;
  const fields = [...(isNew ? [textField({ key: "name", ...kind.naming })] : []), ...kind.fields()];
  const known = memoryOfOne();
  const changes = el("div");
  const wrongs = el("div.message.bad", { tabindex: "-1", hidden: true });
  const all = el("fieldset.all", { "aria-label": `The ${kind.word}'s fields` }, arranged(fields, kind.groups));
  const onsubmit = (event) => { event.preventDefault(); submit(); };
  const onleft = ({ detail: field }) => field.judge(values());
  const form = el("form.panel", { novalidate: true, onsubmit, oninput: written, onleft },
    wrongs, all, el("div.actions", actions));
  const view = outlook({ supposed, known, wrong: place, note: kind.note });
  const side = el("aside", { "aria-label": "What changes" },
    el("section.panel", el("h2", "What changes"), changes),
    el("section.panel", el("h2", "What it would have done"), view.node), more);
  let first;

  function values() {
    return Object.fromEntries(fields.map((field) => [field.key, field.node.hidden ? "" : field.value()]));
  }
  const inForce = () => base() && kind.values(base().config);

  /** `[label, now, then]` of what differs, as the fields show it; of what is new there is no `now`. */
  function differ() {
    const [now, then] = [inForce(), values()];
    return fields.filter(({ key }) => !now || !same(now[key], then[key]))
      .map(({ key, label, text }) => [label, now && text(now[key]), text(then[key])])
      .filter(([, before, after]) => before !== undefined || after !== "none");
  }

  function changed() {
    const list = isNew ? [] : differ();
    fill(changes, list.length ? differenceTable(list, ["Now", "Then"])
      : el("p.muted", isNew ? `A new ${kind.word}: nothing of the kind is in force.` : "Nothing yet."));
  }

  function show(given) {
    for (const field of fields) {
      field.show(given[field.key] ?? (given[field.key] === null ? null : ""));
      field.wrong();
    }
    settled();
  }

  function settled() {
    wrongs.hidden = true;
    kind.settle(values(), (key) => fields.find((field) => field.key === key));
    view.stop();
    changed();
  }

  function written() {
    const given = values();
    for (const field of fields) if (field.isWrong()) field.judge(given);
    settled();
  }

  /** Says what is wrong of all fields and of the rest, and takes the reader to the first. */
  function say(wrong, rest) {
    const list = fields.filter(({ key }) => wrong.has(key));
    for (const field of list) field.wrong(wrong.get(field.key));
    fill(wrongs, rest.map((text) => el("p", text)));
    wrongs.hidden = !rest.length;
    announce([list.length && `${counted(list.length, "field")} to be changed.`, ...rest].filter(Boolean).join(" "));
    (list[0] ?? wrongs).focus();
  }

  function place({ message }) {
    const { wrong, rest } = takenApart(message, kind, fields.map(({ key }) => key));
    say(wrong, rest);
  }

  /** What the form says, where all of it is right; otherwise the reader is taken to what is not. */
  function judged() {
    const given = values();
    const wrong = new Map(fields.map((field) => [field.key, field.judge(given)]).filter(([, text]) => text));
    if (!wrong.size) return given;
    say(wrong, []);
    return undefined;
  }

  function supposed(signal) {
    const given = judged();
    return given && kind.suppose(name ?? given.name, kind.config(given), signal);
  }

  return {
    node: el("div.edit", form, side),
    fields, known, values, show, judged, place, changed, differ, supposed, stop: view.stop,
    start(given) {
      show(given);
      first = values();
    },
    isChanged: () => !same(values(), isNew ? first : inForce()),
    lock: (on) => { all.disabled = on; },
  };
}

/** Fields in their order; those whose keys begin alike are under one heading, and short ones stand beside each other. */
function arranged(fields, { prefix, legend, hint } = {}) {
  const isIn = ({ key }) => key.startsWith(prefix);
  const nodes = [];
  let row;
  for (const field of fields) {
    if (!field.isShort) row = undefined;
    if (field.isShort && !row) nodes.push(row = el("div.beside"));
    if (row) row.append(field.node);
    else if (!isIn(field)) nodes.push(field.node);
    else if (field === fields.find(isIn)) nodes.push(fieldset(legend, hint, fields.filter(isIn)));
  }
  return nodes;
}
