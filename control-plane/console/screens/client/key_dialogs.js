// What is asked before a key is made or revoked, and the one time that a key is shown.

import { call, path } from "../../api/client.js";
import { now } from "../../live/history.js";
import { announce } from "../../parts/announce.js";
import { copyButton } from "../../parts/copy.js";
import { confirm, dialog } from "../../parts/dialog.js";
import { el } from "../../parts/element.js";
import { counted } from "../../parts/number.js";
import { ago, isUtc } from "../../parts/time.js";

/** Makes a key of the client and shows it; answers whether there is another one now. */
export function newKey(id, signal) {
  const expires = el("input", { type: "datetime-local", id: "expires", "aria-describedby": "expires-hint" });
  return confirm({
    title: "New key", yes: "Make key", signal,
    body: [
      el("p", "For ", el("bdi", id), ". Whoever shows it is this client."),
      el("div.field", el("label", { for: "expires" }, `Expires (${isUtc() ? "UTC" : "local time"})`), expires,
        el("p.hint", { id: "expires-hint" }, "Empty: good until it is revoked.")),
    ],
    async act() {
      const body = expires.value ? { expires_at: moment(expires.value) } : {};
      const answer = await call("POST", path("clients", id, "keys"), { body }).catch((error) => {
        if (error.status > 0) throw error;
      });
      await (answer ? shown(answer.data.key) : unanswered());
    },
  });
}

const unanswered = () => dialog({
  title: "A key may have been made", no: "Look at the keys",
  body: el("p", "No answer came that can be read. If there is a new key in the list, nobody has it: revoke it, and make another one."),
});

/** A key that was closed by mistake is lost, so it is asked for once more. */
async function shown(key) {
  const text = el("code.secret", { tabindex: "0", "aria-label": "The new key" }, key);
  let isCopied = false;
  const show = (title, yes) => dialog({
    title, yes, no: null,
    body: [
      el("p", el("b", "It is shown this once. "), "FlowGuard keeps nothing that it could be shown from again."), text,
      copyButton("Copy key", text, () => { isCopied = true; }),
    ],
  });
  const isDone = await show("The new key", "Done");
  const isSelected = isDone && getSelection().toString().includes(key);
  if (!isCopied && !isSelected) await show("Close without a copy?", "Close it");
  announce("The key was made.");
}

/** Asks, revokes, and answers whether it is revoked. */
export function revokeKey(id, key, signal) {
  return confirm({
    title: "Revoke this key?", yes: "Revoke key", danger: true, signal,
    body: [
      el("p", el("code", `fgk_${key.public_part}_…`), " of ", el("bdi", id)),
      el("p", "Requests that show it are answered 401 from the next one on. ",
        "It cannot be taken back, and what was counted of the key goes with it."),
      el("p.muted", used(key)),
    ],
    async act() {
      try {
        await call("DELETE", path("clients", id, "keys", key.public_part));
      } catch (error) {
        if (error.status !== 404) throw error;
      }
      announce("The key is revoked.");
    },
  });
}

/** It is known to the minute. */
export const lastUsed = (moment) => (now() - Date.parse(moment) < 60_000 ? "less than a minute ago" : ago(moment, now()));

function used({ last_used_at: last, total_requests: all }) {
  if (all === undefined) return "What it was used for is not known.";
  if (!last && !all) return "Nobody has used it yet.";
  const when = last ? `It was last used ${lastUsed(last)}: ` : "It was used in ";
  return `${when}${counted(all, "request")} since this control plane started.`;
}

/** The moment that a field of the reader's zone means, in whole seconds as the API has it. */
function moment(local) {
  return new Date(isUtc() ? `${local}Z` : local).toISOString().replace(/\.\d+Z$/, "Z");
}
