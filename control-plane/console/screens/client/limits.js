// Every limit that applies to the client's requests now, and what it has left.

import { get, path } from "../../api/client.js";
import { el, say } from "../../parts/element.js";
import { explanation } from "../../parts/explanation.js";
import { counted } from "../../parts/number.js";
import { poll } from "../../parts/poll.js";
import { panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { models } from "../../parts/suggest.js";

const EVERY_MS = 1_000;
const MODELS_MAX = 100;

export function limits(id, known, signal) {
  const model = el("select", { "aria-label": "Model of the request", onchange: () => again() },
    el("option", { value: "" }, "no model"));
  const estimate = el("span");
  const question = el("p.question", "A request that names ", model, estimate);
  const state = place("limits", () => again());
  const answer = explanation({ onDue: () => again(), signal });

  const again = poll(async () => {
    const of = model.value;
    const { data } = await get(path("clients", id, "explain"), { query: { model: of }, signal });
    if (model.value !== of) return;
    known.explained(data.configured);
    question.hidden = data.tokens === undefined;
    say(estimate, reserves(data));
    answer.show(data);
    state.read(!data.limits?.length && data.would_pass && empty("No limit applies to such a request."));
  }, EVERY_MS, {
    failed(error) {
      if (error.status === 400 && !model.value) known.wrongId(error);
      else known.explained(undefined);
      answer.isOld();
      state.failed(error);
    },
    signal,
  });

  function reserves({ tokens }) {
    const { stats, config } = known;
    const source = tokens === stats?.learned_estimate ? "its learned estimate"
      : tokens === config?.min_estimate ? "the least that it reserves"
        : `the default estimate${tokens === config?.tpm ? ", cut to its tpm" : ""}`;
    return ` and tells no estimate reserves ${counted(tokens ?? 0, "token")}, ${source}.`;
  }

  // Without them the question is the first one, as where there are none.
  models("", MODELS_MAX).then((all) => model.append(...all.map(({ name, value }) => el("option", { value }, name))), () => {});
  return panel("limits", "Limits", null, question, state.node, answer.node);
}
