// Fields of a form: each with a label, a hint, and beside it what is wrong with it. A field is judged when the reader leaves
// it or sends the form; once it is wrong, with each key, so that it is seen at once when it is right.
//
// A field is `{ key, label, node, value(), show(value), judge(values), wrong(text), focus(), text(value) }`.

import { el, say, set } from "./element.js";
import { count } from "./number.js";
import { digits } from "./rules.js";
import { suggest } from "./suggest.js";

let made = 0;

/** A text on one line, or `lines` of it. One that is `optional` is there with a tick, and without it is `null`. */
export function textField(options) {
  const { lines, find, numeric, optional, label, id = `field-${(made += 1)}` } = options;
  const control = el(lines ? "textarea" : "input", {
    id, rows: lines, inputmode: numeric && "numeric", dir: numeric ? null : "auto", class: options.width, autocomplete: "off",
    autocapitalize: "off", spellcheck: "false", "aria-describedby": `${id}-hint ${id}-wrong`, "aria-label": optional && label,
  });
  const tick = optional && el("input", { type: "checkbox", id: `${id}-tick`, onchange: () => ticked(control) });
  const under = el(optional ? "div.under" : "div", control, find && suggest(control, find), hint(id, options.hint));
  const head = el("label", optional ? { class: "tick", for: tick.id } : { for: id }, tick, label);
  const isOn = () => !optional || tick.checked;
  const text = () => control.value.trim();
  const read = () => (numeric ? digits(text())
    : lines ? control.value.split("\n").map((line) => (options.trim ? line.trim() : line)).filter(Boolean) : text());

  function ticked(next) {
    under.hidden = !isOn();
    if (isOn()) next?.focus();
  }
  ticked();
  return field(options, el("div.field", head, under), id, control, {
    value: () => (isOn() ? read() : null),
    show(value) {
      if (optional) tick.checked = value !== null;
      control.value = lines ? value.join("\n") : value ?? "";
      ticked();
    },
    focus: () => (isOn() ? control : tick).focus(),
  });
}

/** One of some `choices`, `[value, label, explanation]` each; or, with `many`, any of them. */
export function choiceField(options) {
  const { choices, many } = options;
  const id = `field-${(made += 1)}`;
  const boxes = choices.map(([value]) =>
    el("input", { type: many ? "checkbox" : "radio", name: id, value, id: `${id}-${value}`, "aria-describedby": `${id}-${value}-hint` }));
  const node = el(many ? "fieldset.field.many" : "fieldset.field", el("legend", options.label),
    choices.map(([value, label, more], index) =>
      el("div.option", boxes[index], el("label", { for: `${id}-${value}` }, label), hint(`${id}-${value}`, more))),
    hint(id, options.hint));
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  return field(options, node, id, node, {
    value: () => (many ? chosen() : chosen()[0]),
    show(value) {
      for (const box of boxes) box.checked = [value].flat().includes(box.value);
    },
    focus: () => (boxes.find((box) => box.checked) ?? boxes[0]).focus(),
  });
}

/** Yes or no. */
export function tickField(options) {
  const id = `field-${(made += 1)}`;
  const box = el("input", { type: "checkbox", id, "aria-describedby": `${id}-hint` });
  const node = el("div.field", el("label.tick", { for: id }, box, options.label), hint(id, options.hint));
  return field(options, node, id, box, {
    value: () => box.checked,
    show: (value) => { box.checked = value; },
    focus: () => box.focus(),
  });
}

/** Fields that belong together, under one heading. */
export const fieldset = (legend, text, fields) =>
  el("fieldset.fields", el("legend", legend), el("p.hint", text), fields.map((one) => one.node));

const hint = (id, text) => text && el("p.hint", { id: `${id}-hint` }, text);

function field({ key, label, width, rule, text, numeric, empty = "none" }, node, id, control, parts) {
  const said = el("p.wrong", { id: `${id}-wrong`, hidden: true });
  node.append(said);
  let touched = false;
  const self = {
    key, label, isShort: width === "short", node, ...parts,
    text: text ?? ((value) => shown(value, empty, numeric)),
    wrong(why) {
      say(said, why ?? "");
      said.hidden = !why;
      set(control, "aria-invalid", why && "true");
    },
    /** Says what is wrong, and answers it; of what is hidden nothing is. */
    judge(values) {
      const why = node.hidden ? undefined : rule?.(parts.value(), values) || undefined;
      self.wrong(why);
      return why;
    },
    isWrong: () => !said.hidden,
  };
  node.addEventListener("input", () => { touched = true; });
  node.addEventListener("focusout", (event) => {
    if (!touched || node.contains(event.relatedTarget)) return;
    touched = false;
    node.dispatchEvent(new CustomEvent("left", { bubbles: true, detail: self }));
  });
  return self;
}

function shown(value, empty, numeric) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (!value?.length) return empty;
  if (Array.isArray(value)) return value.join("\n");
  return numeric && /^\d+$/.test(value) ? count(Number(value)) : value;
}
