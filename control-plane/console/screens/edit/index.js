// What is configured, and one of it.

import { el } from "../../parts/element.js";
import { link } from "../../parts/shapes.js";
import { openForm } from "./form.js";
import { KINDS } from "./kinds/all.js";
import { openLists } from "./lists.js";

const kindOf = (plural = "") => (Object.hasOwn(KINDS, plural) ? KINDS[plural] : undefined);
const newKind = (part) => Object.values(KINDS).find(({ word }) => part === `new-${word}`);

export function title([plural, name]) {
  const kind = newKind(plural);
  if (kind) return `New ${kind.word}`;
  return name === undefined ? "Configure" : `Configure ${kindOf(plural)?.word ?? ""} ${name}`;
}

/** `#/edit`, `#/edit/new-client?name=…`, `#/edit/clients/<id>`; an id is never one of these words in the same place. */
export function open(root, { parts: [plural, name], query, signal }) {
  const [made, kind] = [newKind(plural), kindOf(plural)];
  if (made) openForm(root, { kind: made, suggested: query.get("name") ?? "", signal });
  else if (kind && name) openForm(root, { kind, name, signal });
  else if (kind || !plural) openLists(root, signal);
  else root.append(el("h1", { tabindex: "-1" }, "Nothing of the kind can be configured"), link("Configure", ["edit"]));
}
