// The question: whose request, for which model, how large.

import { el } from "../../parts/element.js";
import { textField } from "../../parts/form.js";
import { askedClient, askedModel, integer } from "../../parts/rules.js";
import { ids, models } from "../../parts/suggest.js";

const given = (rule) => (text) => (text ? rule(text) : undefined);

const FIELDS = [
  {
    key: "client", label: "Client", hint: "An id. Nobody need be configured under it.", find: ids,
    rule: given(askedClient),
  },
  {
    key: "model", label: "Model", hint: "As the request names it. Empty: it names none.", rule: given(askedModel),
    find: async (text) => (await models(text)).map(({ value }) => value),
  },
  { key: "tokens", label: "Tokens", hint: "Its own estimate. Empty: it tells none.", numeric: true, rule: integer({ least: 0 }) },
];

export function form({ first, onAsk, onKeep }) {
  const fields = FIELDS.map((about) => textField({ ...about, id: `explain-${about.key}` }));
  const keep = el("input", { type: "checkbox", id: "explain-keep", checked: true, onchange: () => keep.checked && onKeep() });
  for (const field of fields) field.show(first[field.key]);
  const ask = (event) => {
    event.preventDefault();
    onAsk();
    if (!fields[0].value()) fields[0].focus();
  };
  return {
    node: el("form.panel", { "aria-label": "The request", novalidate: true, onsubmit: ask },
      fields.map((field) => field.node),
      el("div.actions.explain-actions", el("button.main", "Ask"),
        el("label.tick", { for: "explain-keep" }, keep, "Keep asking every second"))),
    isKept: () => keep.checked,
    question: () => Object.fromEntries(fields.map((field) => [field.key, field.value()])),
    /** Says beside each field what is wrong with it; answers whether all are right. */
    isRight() {
      const wrong = fields.filter((field) => field.judge());
      wrong[0]?.focus();
      return !wrong.length;
    },
  };
}
