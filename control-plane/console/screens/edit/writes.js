// Calls that write, what is refused of them, and what became of one that nobody answered.

import { call, find, get, has, path } from "../../api/client.js";
import { waited } from "../../base/while.js";
import { same } from "../../parts/difference.js";
import { sentence } from "./errors.js";

/** While nobody answers, what became of a write is asked again and again. */
const AGAIN_MS = 2_000;

/** Answers what is in force then, `{ config, etag }`; `conflict()` is called where it is not as `when` says. */
export function put(form, name, config, when, conflict) {
  const { kind } = form;
  const isDone = (there) => there && same(kind.values(there.config), kind.values(config));
  return written(form, name, { done: "saved", conflict, isDone }, "PUT", { body: config, when });
}

export const remove = (form) => written(form, form.name, {
  done: "deleted", isDone: (there) => !there,
  conflict: () => form.bad("Not deleted: somebody else wrote it meanwhile. Look at it again first."),
}, "DELETE", { when: has(form.base.etag) });

/** What is there of that name, `{ config, etag }`, or nothing. */
export async function thing({ kind, signal }, name) {
  try {
    const { data: config, etag } = await find(kind.plural, name, { signal });
    return { config, etag };
  } catch (error) {
    if (error.status === 404) return undefined;
    throw error;
  }
}

/** What is refused is told where it belongs, and answers nothing. */
async function written(form, name, { done, conflict, isDone }, method, what) {
  try {
    const { data, etag } = await call(method, path(form.kind.plural, name), { ...what, signal: form.signal });
    return { config: data.config, etag };
  } catch (error) {
    const { status, code, message } = error;
    if (form.signal.aborted) throw error;
    // What is between says nothing of it, either.
    if (status === 0 || (status >= 500 && code === "no_answer")) return foundOut(form, name, done, isDone);
    if (status === 412) await conflict();
    else if (status === 403) form.refused(message, done);
    else if (code === "managed_by_file") form.locked(message, { byFile: true, isAnswer: true });
    else if (status === 400 || code === "in_use") form.edit.place(error);
    else if (status !== 401) form.bad(`Not ${done}. ${sentence(message)}`);
    return undefined;
  }
}

/** The same answer to a write whose own was lost; by then the reader may be somewhere else in the form. */
async function foundOut(form, name, done, isDone) {
  form.bad(`The control plane did not answer, so that it is not known yet whether it was ${done}.`);
  const there = await thingAtLast(form, name);
  if (isDone(there)) return { ...there, isLate: true };
  form.tell(`It was not ${done}: the control plane did not answer.`, "bad", { quietly: true });
  return undefined;
}

async function thingAtLast(form, name) {
  for (;;) {
    try {
      return await thing(form, name);
    } catch (error) {
      if (error.status > 0 && error.status < 500) throw error;
    }
    await waited(AGAIN_MS, form.signal);
    form.signal.throwIfAborted();
  }
}

/** Why it cannot be written, where the file of the configuration has it: its tag says so. */
export async function managedByFile({ kind, base, signal }) {
  if (!base.etag.startsWith('"file-')) return undefined;
  const { data } = await get(path("system"), { signal });
  return `the ${kind.word} stands in the file ${data.settings.CONFIG_FILE}, which alone can change it`;
}
