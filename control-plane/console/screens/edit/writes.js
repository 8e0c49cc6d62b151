// Calls that write, and what is refused of them.

import { call, get, path } from "../../api/client.js";
import { sentence } from "./errors.js";

export const where = ({ kind, name }) => path(kind.plural, name);

export const put = (form, to, body, ifMatch, conflict) => written(form, "saved", conflict, "PUT", to, { body, ifMatch });

export const remove = (form) => written(form, "deleted",
  () => form.bad("Not deleted: somebody else wrote it meanwhile. Look at it again first."),
  "DELETE", where(form), { ifMatch: form.base.etag });

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

/** No tag of the API's looks like this, so that a write that wants it changes nothing. */
const NEVER = '"never"';

/** Why it cannot be written, since the file of the configuration alone can; asked only where there is such a file. */
export async function managedByFile({ kind, name, base, signal }) {
  const { data } = await get(path("system"), { signal });
  if (!data.settings?.CONFIG_FILE) return undefined;
  return call("PUT", path(kind.plural, name), { body: base.config, ifMatch: NEVER, signal }).then(() => undefined,
    ({ code, message }) => (code === "managed_by_file" ? message : undefined));
}
