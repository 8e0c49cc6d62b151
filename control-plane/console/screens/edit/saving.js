// What is saved, deleted and taken back, and what is asked before.

import { ABSENT, has, isThere, path } from "../../api/client.js";
import { differenceTable, same } from "../../parts/difference.js";
import { dialog } from "../../parts/dialog.js";
import { el } from "../../parts/element.js";
import { settle } from "./conflict.js";
import { askDeletion } from "./deletion.js";
import { sentence } from "./errors.js";
import { outlook } from "./outlook.js";
import { put, remove, where } from "./writes.js";

/** What is said of a write that is in force. */
const done = (word, { data, etag }) =>
  `${word}. In force now, as revision ${etag.replaceAll('"', "")}. ${sentence(data.message)}`;

export async function save(form) {
  const { kind: { word, plural }, name, edit, signal } = form;
  const values = edit.judged();
  if (!values) return;
  const isNew = name === undefined;
  if (!isNew && !edit.isChanged()) return form.tell("Nothing is changed, so that there is nothing to save.", "plain");
  const taken = () => edit.place({ message: `name is that of a ${word} that is configured already: open it to change it` });
  if (isNew && (await isThere(plural, values.name, { signal }))) return taken();
  edit.stop();
  if (!(await review(form, isNew ? `Create ${word} ${values.name}?` : `Save ${word} ${name}?`))) return undefined;
  return isNew ? create(form, values, taken) : write(form, values, form.base);
}

/** Shows what is about to be saved, and what it would have done; answers whether it is to be. */
async function review({ kind, name, edit, signal }, title) {
  const view = outlook({ supposed: edit.supposed, known: edit.known, wrong: () => {}, note: kind.note, byItself: true });
  view.run();
  const isUnknown = name === undefined && kind.word === "client";
  const chosen = await dialog({
    title, yes: "Save now", focus: true, signal,
    body: el("div.review",
      isUnknown && el("p",
        "Until it is configured its requests are those of unknown ids, so that a preview has little to say of it."),
      differenceTable(edit.differ(), ["Now", "Then"]), el("h3", "What it would have done"), view.node),
  });
  view.stop();
  return chosen;
}

/** Creates it; `conflict()` is called where somebody else did so first. */
async function create(form, values, conflict) {
  const { kind: { plural, config }, name } = form;
  const answer = await put(form, path(plural, values.name), config(values), ABSENT, conflict);
  if (!answer) return;
  const text = done("Created", answer);
  const back = { created: true };
  if (name === undefined) form.leave(["edit", plural, values.name], `${plural}/${values.name}`, { text, back });
  else inForce(form, answer, text, back);
}

function inForce(form, { data, etag }, text, back) {
  form.base = { config: data.config, etag };
  form.edit.start(form.inForce());
  form.saved(text, back);
}

/** Puts `values` in force in place of `base`, unless somebody else was faster. */
async function write(form, values, base, word = "Saved") {
  const { edit, kind } = form;
  const before = edit.values();
  const isOther = edit.isChanged() && !same(values, before);
  const answer = await put(form, where(form), kind.config(values), has(base.etag), () => compare(form, values));
  if (!answer) return;
  const typed = edit.values();
  inForce(form, answer, done(word, answer), { config: base.config });
  // What was typed since is not what was written, and stays as a change.
  if (isOther || !same(typed, before)) edit.show(typed);
}

/** Shows what somebody else wrote beside `mine`, and saves what the reader makes of both. */
export async function compare(form, mine) {
  const { kind, edit, base, signal, name } = form;
  let theirs;
  try {
    theirs = await form.thing();
  } catch (error) {
    if (error.status !== 404) throw error;
    return revive(form, mine);
  }
  const there = kind.values(theirs.config);
  const title = `Somebody else changed ${name}`;
  const merged = same(mine, there) ? there
    : await settle({ title, fields: edit.fields, before: kind.values(base.config), mine, theirs: there, signal });
  if (!merged) return undefined;
  form.base = theirs;
  edit.show(merged);
  if (same(merged, there)) {
    return form.saved(same(mine, there) ? "It is in force as you wanted it." : "It stays as somebody else wrote it.");
  }
  return edit.judged() && write(form, merged, theirs);
}

async function revive(form, mine) {
  const body = el("p", `Somebody else deleted the ${form.kind.word}. Created again it begins with full buckets.`);
  const { name, signal } = form;
  const chosen = await dialog({ title: `${name} is not there any more`, body, yes: "Create it again", focus: true, signal });
  if (chosen) await create(form, { ...mine, name }, () => compare(form, mine));
}

/** Takes a write back by another one. What was created is deleted. */
export async function undo(form, { created, config }) {
  if (created) await gone(form, "Undone. ");
  else await write(form, form.kind.values(config), form.base, "Undone");
}

export async function askAndRemove(form) {
  if (form.edit && (await askDeletion(form))) await gone(form, "");
}

async function gone(form, word) {
  const answer = await remove(form);
  if (answer) form.leave(["edit"], "", { text: word + sentence(answer.data.message) });
}
