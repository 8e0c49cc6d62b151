// Calls that write, and what is refused of them.

import { call, get, has, path } from "../../api/client.js";
import { sentence } from "./errors.js";

export const where = ({ kind, name }) => path(kind.plural, name);

export const put = (form, to, body, when, conflict) => written(form, "saved", conflict, "PUT", to, { body, when });

export const remove = (form) => written(form, "deleted",
  () => form.bad("Not deleted: somebody else wrote it meanwhile. Look at it again first."),
  "DELETE", where(form), { when: has(form.base.etag) });

/** What is refused is told where it belongs, and answers nothing. */
async function written(form, done, conflict, method, to, what) {
  try {
    return await call(method, to, { ...what, signal: form.signal });
  } catch (error) {
    const { status, code, message } = error;
    if (form.signal.aborted) throw error;
    if (status === 412) await conflict();
    else if (status === 403) form.refused(message);
    else if (code === "managed_by_file") form.locked(message, true);
    else if (status === 400 || code === "in_use") form.edit.place(error);
    else if (status === 0) form.bad(`The control plane cannot be reached, so that it is not known whether it was ${done}.`);
    else if (status !== 401) form.bad(`Not ${done}. ${sentence(message)}`);
    return undefined;
  }
}

/** Why it cannot be written, where the file of the configuration has it: its tag says so. */
export async function managedByFile({ kind, base, signal }) {
  if (!base.etag.startsWith('"file-')) return undefined;
  const { data } = await get(path("system"), { signal });
  return `the ${kind.word} stands in the file ${data.settings.CONFIG_FILE}, which alone can change it`;
}
