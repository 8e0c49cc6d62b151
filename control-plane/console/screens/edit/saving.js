// What is saved, deleted and taken back, and what is asked before.

import { ABSENT, has, isThere } from "../../api/client.js";
import { differenceTable, same } from "../../parts/difference.js";
import { dialog } from "../../parts/dialog.js";
import { el } from "../../parts/element.js";
import { settle } from "./conflict.js";
import { askDeletion } from "./deletion.js";
import { sentence } from "./errors.js";
import { outlook } from "./outlook.js";
import { put, remove, thing } from "./writes.js";

/** What is said of a write that is in force. */
const done = (word, { etag }) => `${word}. In force now, as revision ${etag.replaceAll('"', "")}.`;

const TAKEN_IN = "Somebody else wrote it meanwhile. What you did not change stays as they wrote it.";

/** What is reviewed is then saved, in place of what is there. Where that is another one by then, all begins anew. */
export async function save(form) {
  const { kind: { word }, name, edit } = form;
  if (!edit.judged()) return undefined;
  if (name === undefined) return make(form);
  const theirs = await thing(form, name);
  if (!theirs) return revive(form);
  const isOther = theirs.etag !== form.base.etag;
  if (isOther && !(await takeIn(form, theirs))) return undefined;
  if (!edit.isChanged()) {
    return isOther ? form.saved("It stays as somebody else wrote it.")
      : form.tell("Nothing is changed, so that there is nothing to save.", "plain");
  }
  const values = edit.judged();
  if (!values || !(await review(form, `Save ${word} ${name}?`, isOther && TAKEN_IN))) return undefined;
  return write(form, values, "Saved", () => save(form));
}

async function make(form) {
  const { kind: { word, plural }, edit, signal } = form;
  const taken = () =>
    edit.place({ message: `name is that of a ${word} that is configured already: open it to change it` });
  if (await isThere(plural, edit.values().name, { signal })) return taken();
  const values = edit.judged();
  // Its requests were those of ids that nobody configured.
  const note = word === "client"
    && "Until it is configured its requests are those of unknown ids, so that a preview has little to say of it.";
  return values && (await review(form, `Create ${word} ${values.name}?`, note)) && create(form, values, taken);
}

/** Puts what somebody else wrote below what the reader changed; answers whether the reader said what comes of both. */
async function takeIn(form, theirs) {
  const { kind, edit, name, signal } = form;
  const [before, there] = [form.base, theirs].map(({ config }) => kind.values(config));
  const title = `Somebody else changed ${name}`;
  const merged = await settle({ title, fields: edit.fields, before, mine: edit.values(), theirs: there, signal });
  if (!merged) return false;
  form.base = theirs;
  edit.show(merged);
  form.tell(TAKEN_IN, "plain", { quietly: true });
  return true;
}

/** Shows what is about to be saved, and what it would have done; answers whether it is to be. */
async function review({ kind, edit, signal }, title, note) {
  edit.stop();
  const { supposed, known } = edit;
  const view = outlook({ supposed, known, wrong: () => {}, note: kind.note, byItself: true });
  view.run();
  const chosen = await dialog({
    title, yes: "Save now", focus: true, signal,
    body: el("div.review", note && el("p", note),
      differenceTable(edit.differ(), ["Now", "Then"]), el("h3", "What it would have done"), view.node),
  });
  view.stop();
  return chosen;
}

/** Creates it; `conflict()` is called where somebody else did so first. */
async function create(form, values, conflict) {
  const { kind: { plural, config }, name } = form;
  const answer = await put(form, values.name, config(values), ABSENT, conflict);
  if (!answer) return;
  const text = done("Created", answer);
  const back = { created: true };
  if (name === undefined) form.leave(["edit", plural, values.name], `${plural}/${values.name}`, { text, back });
  else inForce(form, answer, text, back);
}

function inForce(form, { config, etag, isLate }, text, back) {
  form.base = { config, etag };
  form.edit.start(form.inForce());
  form.saved(text, back, isLate);
}

/** Puts `values` in force in place of what was there; `conflict()` is called where that is another one by now. */
async function write(form, values, word, conflict) {
  const { edit, kind, base, name } = form;
  const before = edit.values();
  const isOther = edit.isChanged() && !same(values, before);
  const answer = await put(form, name, kind.config(values), has(base.etag), conflict);
  if (!answer) return;
  const typed = edit.values();
  inForce(form, answer, done(word, answer), { config: base.config });
  // What was typed since is not what was written, and stays as a change.
  if (isOther || !same(typed, before)) edit.show(typed);
}

async function revive(form) {
  const body = el("p", `Somebody else deleted the ${form.kind.word}. Created again it begins with full buckets.`);
  const { edit, name, signal } = form;
  const title = `${name} is not there any more`;
  const chosen = await dialog({ title, body, yes: "Create it again", focus: true, signal });
  if (chosen) await create(form, { ...edit.values(), name }, () => save(form));
}

/** Takes a write back by another one. What was created is deleted. */
export async function undo(form, { created, config }) {
  if (created) return gone(form, "Undone. ");
  const values = form.kind.values(config);
  return write(form, values, "Undone", () => {
    form.edit.show(values);
    return save(form);
  });
}

export async function askAndRemove(form) {
  if (form.edit && (await askDeletion(form))) await gone(form, "");
}

async function gone(form, words) {
  const { kind: { word }, name } = form;
  if (await remove(form)) form.leave(["edit"], "", { text: `${words}${sentence(`${word} ${name} was deleted`)}` });
}
