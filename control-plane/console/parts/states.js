// What stands where there is nothing to show, and why.

import { el, fill, renew } from "./element.js";
import { button } from "./shapes.js";

export const loading = (what) => el("p.state", { "aria-busy": "true" }, `Reading ${what} …`);

export const empty = (text, ...more) => el("div.state", el("p", text), more);

/** A call that failed, with the way out: `again` is called by the reader. */
export function failed({ status, code, message }, again) {
  if (status === 401) return empty("This needs a token.", el("p", message));
  if (status === 403) return empty("The token in use may not see this.", el("p", message));
  return el("div.state.bad", { role: "alert" }, el("p", status === 0 ? sentence(message) : message),
    status > 0 && el("p.muted", `${status} ${code}`), again && button("Try again", again));
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** The place of `what`, which is read once or again and again, until it is there and where it cannot be. */
export function place(what, again) {
  const node = el("div", loading(what));
  let isRead = false;
  return {
    node,
    /** It was read; `instead` stands here where there is nothing of it. */
    read(instead) {
      isRead = true;
      renew(node, instead);
    },
    /** The same failure once more changes nothing. Of what was read once the stream says that it is old. */
    failed(error) {
      if (error.code !== "unreachable" || !isRead) renew(node, failed(error, again));
    },
    begin: () => fill(node, loading(what)),
  };
}
