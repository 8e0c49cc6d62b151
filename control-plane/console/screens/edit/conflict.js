// Two wrote the same thing: what each of them wanted, field by field, and the reader says which of it counts.

import { same } from "../../parts/difference.js";
import { dialog } from "../../parts/dialog.js";
import { el } from "../../parts/element.js";
import { button } from "../../parts/shapes.js";

/**
 * `before` is what both began with, `mine` and `theirs` what each made of it. Answers the values that are to be saved, or
 * nothing. What only one of them changed is that one's, until the reader says otherwise.
 */
export async function settle({ title, fields, before, mine, theirs, signal }) {
  const open = fields.filter(({ key }) => !same(mine[key], theirs[key]));
  const rows = open.map((field) => row(field, before[field.key], mine[field.key], theirs[field.key]));
  const all = (text, whose) => button(text, () => { for (const one of rows) one[whose].checked = true; });
  const body = el("div.review",
    el("p", "Somebody else wrote it after you began. Nothing of yours is saved yet. Say which of it is to be in force."),
    el("div.actions.start", all("All yours", "mine"), all("All theirs", "theirs")), rows.map((one) => one.node));
  if (!(await dialog({ title, body, yes: "Save this", signal }))) return undefined;
  const picked = open.filter((_, index) => rows[index].mine.checked).map(({ key }) => [key, mine[key]]);
  return { ...theirs, ...Object.fromEntries(picked) };
}

function row({ key, label, text }, before, mine, theirs) {
  const box = (whose, checked) =>
    el("input", { type: "radio", name: `of-${key}`, id: `${whose}-${key}`, required: true, checked });
  const side = (words, input, value) =>
    el("label.side", { for: input.id }, input, el("span", words, el("b", { dir: "auto" }, text(value))));
  const [one, other] = [box("mine", same(before, theirs)), box("theirs", same(before, mine))];
  return {
    mine: one, theirs: other,
    node: el("fieldset.conflict", el("legend", label), el("p.hint", "It was: ", el("bdi", text(before))),
      side("Yours: ", one, mine), side("Theirs: ", other, theirs)),
  };
}
