// Takes a change back by another write, which is a change like any: it stands in the audit, and can be undone as well.

import { ABSENT, call, find, get, has, path } from "../../api/client.js";
import { now } from "../../live/history.js";
import { dialog } from "../../parts/dialog.js";
import { differences, differenceTable, same, worded } from "../../parts/difference.js";
import { el } from "../../parts/element.js";
import { ago, time } from "../../parts/time.js";
import { done, parts, who } from "./words.js";

/** Why a change cannot be taken back; nothing, where it can. */
export function whyNot({ action, object, before, after, outcome }) {
  const { kind } = parts(object);
  if (outcome === "failed") return "It was not made: there is nothing to undo.";
  if (kind === "key" || kind === "token") {
    if (action !== "create") return "What was revoked stays so: its secret is kept nowhere. Make another one.";
    return `Its secret was shown once, to whoever made it. Revoke the ${kind} if it is not wanted.`;
  }
  if (kind === "configuration") return "What it replaced is not kept here. Apply the document of before, or a backup.";
  if (action === "reset") return "What had been spent is known to nobody any more.";
  if (!["client", "limit", "model"].includes(kind)) return "This console does not know how.";
  if (before?.too_large) return "What it was is too large to be kept here. Apply the document of before.";
  return action !== "create" && before === undefined && after !== undefined ? "What it was is not kept." : undefined;
}

/** Asks and writes. What comes back says what was written; nothing was, where nothing comes back. */
export async function undo(entry, signal) {
  const { object, before } = entry;
  const { kind, name } = parts(object);
  const plural = `${kind}s`;
  for (;;) {
    try {
      const { data: now, etag } = await standing(plural, name);
      if (same(now, before)) return await told("Nothing to undo", `${object} is as it was before this change.`, signal);
      return await agreed(entry, now, signal) ? await write(path(plural, name), before, etag) : undefined;
    } catch (error) {
      if (error.status !== 412) return await told("Not undone", sentence(error), signal);
      if (!(await again(object, signal))) return undefined;
    }
  }
}

const standing = (plural, name) => find(plural, name).catch((error) => {
  if (error.status === 404) return {};
  throw error;
});

async function write(where, before, etag) {
  const when = etag ? has(etag) : ABSENT;
  const { data } = await call(before === undefined ? "DELETE" : "PUT", where, { body: before, when });
  return `Undone: ${data?.message}.`;
}

function agreed(entry, now, signal) {
  const { object, before, after } = entry;
  const [yes, ofClient, ofOther] = before === undefined
    ? ["Delete it", "The client is deleted, with its keys and all that is known of what it spent.", "It is deleted."]
    : now === undefined
      ? ["Create it", "The client is made anew: its buckets are full, and keys that it had are gone for good.", "It is made anew."]
      : ["Write it", ...Array(2).fill("What was spent stays spent. This is a new write, under your name.")];
  const list = differences(now, before, ["client_id", "name"]);
  const words = list.map((one) => [one.name, worded(one.name, one.before), worded(one.name, one.after)]);
  const body = [
    el("p", `It was ${done(entry)} by ${who(entry.actor)}, `, time(entry.time), "."),
    !after?.too_large && !same(now, after)
      && el("p.notice", "It was written again since then. Undo takes that back as well, in what the table shows."),
    list.length > 0 && differenceTable(words, ["Now", "After undo"]),
    el("p.muted", parts(object).kind === "client" ? ofClient : ofOther),
  ];
  return dialog({ title: `Undo: ${object}`, body, yes, signal });
}

/** Somebody else wrote between the question and the answer. */
async function again(object, signal) {
  const { data } = await get(path("audit"), { query: { object, limit: 1 } }).catch(() => ({ data: { entries: [] } }));
  const [last] = data.entries;
  const faster = last ? `It was ${done(last)} by ${who(last.actor)}, ${ago(last.time, now())}.` : "Somebody wrote it meanwhile.";
  const body = [el("p", faster), el("p", "Nothing was undone. Look at what it is now, and decide anew.")];
  return dialog({ title: "Somebody was faster", body, no: "Leave it", yes: "Look at it", signal });
}

function sentence({ status, message }) {
  if (status === 0) return "The control plane cannot be reached. Whether it was written is not known.";
  return status === 403 ? `The token in use may not write: ${message}` : message;
}

async function told(title, text, signal) {
  await dialog({ title, body: el("p", text), no: "Close", signal });
}
