// The client's keys: what they are used for, a new one, and the end of one.

import { get, path } from "../../api/client.js";
import { now } from "../../live/history.js";
import { whenWritten } from "../../live/written.js";
import { el, renew, say } from "../../parts/element.js";
import { keyed } from "../../parts/keyed.js";
import { count, counted } from "../../parts/number.js";
import { poll } from "../../parts/poll.js";
import { button, panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { time } from "../../parts/time.js";
import { lastUsed, newKey, revokeKey } from "./key_dialogs.js";

const EVERY_MS = 30_000;

/** What keys were used for is told of each one alone; so many are asked for at a time. */
const AT_ONCE = 4;

export function keys(known, signal) {
  const { id } = known;
  const list = el("ul.keys");
  const state = place("keys", () => again());
  const make = button("New key …", async () => { if (await newKey(id, signal)) again(); });
  const node = panel("keys", "Keys", el("div.actions", make), list, state.node);
  const rows = keyed(list, (key) => key.public_part, () => keyRow(revoke));
  let all = [];
  let isRead = false;

  const again = poll(async () => {
    if (!known.config) return;
    isRead = true;
    const { data } = await get(path("clients", id, "keys"), { signal });
    const before = new Map(all.map((key) => [key.public_part, key]));
    show(Object.values(data.keys).map((key) => ({ ...before.get(key.public_part), ...key })));
    const uses = [];
    for (let first = 0; first < all.length; first += AT_ONCE) {
      uses.push(...await Promise.all(all.slice(first, first + AT_ONCE).map(used)));
    }
    show(uses);
  }, EVERY_MS, { failed: state.failed, signal });

  async function used(key) {
    try {
      return (await get(path("clients", id, "keys", key.public_part), { signal })).data;
    } catch (error) {
      // Somebody revoked it meanwhile: the next reading has it no more.
      if (error.status !== 404) throw error;
      return key;
    }
  }

  /** The newest first. */
  function show(keys) {
    all = keys.sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
    rows.show(all);
    state.read(!all.length && empty("It has no key."));
  }

  async function revoke(key) {
    if (!(await revokeKey(id, key, signal))) return;
    show(all.filter(({ public_part: part }) => part !== key.public_part));
    node.querySelector("h2").focus();
    again();
  }

  known.changed.listen(() => {
    node.hidden = known.isConfigured === false;
    if (node.hidden) {
      isRead = false;
      show([]);
    } else if (known.config && !isRead) again();
  }, signal);
  whenWritten((object) => object.startsWith(`key/${id}/`), again, signal);
  return node;
}

function keyRow(revoke) {
  const name = el("code");
  const expired = el("span.badge.bad", { hidden: true }, "expired");
  const end = button("Revoke …", () => revoke(key), { class: "danger" });
  const when = el("p.muted");
  const usage = el("p.muted");
  let key;
  return {
    node: el("li", el("div.key-head", name, expired, end), when, usage),
    show(next) {
      key = next;
      say(name, `fgk_${key.public_part}_…`);
      end.setAttribute("aria-label", `Revoke key ${key.public_part}`);
      expired.hidden = !(Date.parse(key.expires_at) <= now());
      renew(when, "Made ", time(key.created_at), key.expires_at
        ? [expired.hidden ? ", expires " : ", expired ", time(key.expires_at)] : ", good until it is revoked");
      if (key.total_requests !== undefined) say(usage, uses(key));
    },
  };
}

function uses({ last_used_at: last, total_requests: all, dropped_requests: refused, tokens_used: tokens }) {
  if (!last && !all) return "Not used yet";
  const counts = `${counted(all, "request")}, ${count(refused)} refused, ${counted(tokens, "token")}`;
  return `${last ? `Last used ${lastUsed(last)}: ` : ""}${counts} since this control plane started`;
}
