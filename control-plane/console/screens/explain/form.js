// The question: whose request, for which model, how large.

import { el } from "../../parts/element.js";
import { textField } from "../../parts/form.js";
import { ids, models } from "../../parts/suggest.js";

const FIELDS = [
  { key: "client", api: "client_id", label: "Client", hint: "An id. Nobody need be configured under it.", find: ids },
  {
    key: "model", label: "Model", hint: "As the request names it. Empty: it names none.",
    find: async (text) => (await models(text)).map(({ value }) => value),
  },
  { key: "tokens", label: "Tokens", hint: "Its own estimate. Empty: it tells none.", numeric: true },
];

export function form({ first, onAsk, onKeep }) {
  const fields = FIELDS.map((about) => textField({ ...about, id: `explain-${about.key}` }));
  const keep = el("input", { type: "checkbox", id: "explain-keep", checked: true, onchange: () => keep.checked && onKeep() });
  for (const field of fields) field.show(first[field.key]);
  const ask = (event) => {
    event.preventDefault();
    onAsk(Object.fromEntries(fields.map((field) => [field.key, field.value()])));
    if (!fields[0].value()) fields[0].focus();
  };
  return {
    node: el("form.panel", { "aria-label": "The request", novalidate: true, onsubmit: ask },
      fields.map((field) => field.node),
      el("div.actions.explain-actions", el("button.main", "Ask"),
        el("label.tick", { for: "explain-keep" }, keep, "Keep asking every second"))),
    isKept: () => keep.checked,
    /** Says what is wrong beside the field that the API names; answers whether it named one. */
    wrong(message = "") {
      const parts = message.split(/; (?=client_id |model |tokens )/);
      const wrong = fields.filter((field, index) => {
        const { key, api = key } = FIELDS[index];
        const mine = parts.filter((part) => part.startsWith(`${api} `)).join("; ");
        field.wrong(mine);
        return mine;
      });
      wrong[0]?.focus();
      return wrong.length > 0;
    },
  };
}
