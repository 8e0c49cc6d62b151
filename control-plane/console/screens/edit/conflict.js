// Two wrote the same thing. What only one of them changed is that one's; of a field that both changed, the reader says
// which of it counts.

import { same } from "../../parts/difference.js";
import { dialog } from "../../parts/dialog.js";
import { el } from "../../parts/element.js";
import { button } from "../../parts/shapes.js";

/**
 * `before` is what both began with, `mine` and `theirs` what each made of it. Answers what comes of both, or nothing
 * where the reader does not say.
 */
export async function settle({ title, fields, before, mine, theirs, signal }) {
  const isChanged = (of, { key }) => !same(of[key], before[key]);
  const changed = fields.filter((field) => isChanged(mine, field));
  const open = changed.filter((field) => isChanged(theirs, field) && !same(mine[field.key], theirs[field.key]));
  const rows = open.map((field) => row(field, before[field.key], mine[field.key], theirs[field.key]));
  if (rows.length && !(await ask(title, rows, signal))) return undefined;
  const given = open.filter((_, index) => rows[index].theirs.checked);
  const kept = changed.filter((field) => !given.includes(field)).map(({ key }) => [key, mine[key]]);
  return { ...theirs, ...Object.fromEntries(kept) };
}

function ask(title, rows, signal) {
  const all = (text, whose) => button(text, () => { for (const one of rows) one[whose].checked = true; });
  const body = el("div.review",
    el("p", "Somebody else wrote it after you began. Nothing of yours is saved yet. What only one of you changed is "
      + "kept. Both of you changed this: say which of it is to be in force."),
    rows.length > 1 && el("div.actions.start", all("All yours", "mine"), all("All theirs", "theirs")),
    rows.map((one) => one.node));
  return dialog({ title, body, yes: "Go on", signal });
}

function row({ key, label, text }, before, mine, theirs) {
  const box = (whose) => el("input", { type: "radio", name: `of-${key}`, id: `${whose}-${key}`, required: true });
  const side = (words, input, value) =>
    el("label.side", { for: input.id }, input, el("span", words, el("b", { dir: "auto" }, text(value))));
  const [one, other] = [box("mine"), box("theirs")];
  return {
    mine: one, theirs: other,
    node: el("fieldset.conflict", el("legend", label), el("p.hint", "It was: ", el("bdi", text(before))),
      side("Yours: ", one, mine), side("Theirs: ", other, theirs)),
  };
}
