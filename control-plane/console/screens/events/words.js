// Who did what to what, in words, and where the thing is found in the console.

import { el } from "../../parts/element.js";
import { link } from "../../parts/shapes.js";

const DONE = { create: "created", change: "changed", delete: "deleted", reset: "reset", apply: "applied" };

/** What was done, in one word. */
export function done({ action, object }) {
  return action === "delete" && /^(key|token)\//.test(object) ? "revoked" : DONE[action] ?? action;
}

/** `client/a/b` is a client `a/b`: `{ kind, name }`. */
export function parts(object) {
  const [, kind, name] = /^([^/]*)\/?(.*)$/s.exec(object);
  return { kind, name };
}

/** Where a thing is looked at; a token has no page. */
const PLACES = {
  client: (name) => ["clients", name], key: (name) => ["clients", name.slice(0, name.lastIndexOf("/"))],
  limit: (name) => ["edit", "limits", name], model: (name) => ["edit", "models", name],
};

/** The thing itself, as a link where it has a page. */
export function thing(object) {
  const { kind, name } = parts(object);
  if (!name) return el("b", "the whole configuration");
  return [`${kind} `, PLACES[kind] ? link(name, PLACES[kind](name)) : el("b", { dir: "auto" }, name)];
}

/** Who it was. */
export function who({ kind, name, public_part: publicPart } = {}) {
  const called = name ?? publicPart;
  return {
    token: `token ${called}`, jwt: `${called} (JWT)`, file: `the file ${called}`, process: "the control plane itself",
    local: "a command on the machine itself",
  }[kind] ?? "anybody (the port is open)";
}
