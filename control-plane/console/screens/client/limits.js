// Every limit that applies to the client's requests now, and what it has left.

import { get, path } from "../../api/client.js";
import { clients, refusedBy } from "../../live/clients.js";
import { el, say } from "../../parts/element.js";
import { explanation } from "../../parts/explanation.js";
import { count, counted } from "../../parts/number.js";
import { poll } from "../../parts/poll.js";
import { listed } from "../../parts/rule.js";
import { panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { modelChoice } from "./model.js";

const EVERY_MS = 1_000;
const NAMES_MAX = 8;

export function limits(known, signal, query) {
  const { id } = known;
  const model = modelChoice(known, query.get("model"), () => again(), signal);
  const estimate = el("span");
  const question = el("p.question", "A request that names ", model.node, estimate);
  const elsewhere = el("p.muted");
  const state = place("limits", () => again());
  const answer = explanation({ onDue: () => again(), signal });

  const again = poll(async () => {
    const of = model.value();
    const { data } = await get(path("clients", id, "explain"), { query: { model: of }, signal });
    known.explained(data.configured);
    if (of === undefined || of !== model.value()) return;
    question.hidden = data.tokens === undefined;
    say(estimate, reserves(data));
    answer.show(data);
    say(elsewhere, others(data.limits ?? []));
    state.read(!data.limits?.length && data.would_pass && empty("No limit applies to such a request."));
  }, EVERY_MS, {
    failed(error) {
      if (error.message.startsWith("client_id ")) known.wrongId(error);
      else known.explained(undefined);
      answer.isOld();
      state.failed(error);
    },
    signal,
  });

  /** What the configured model is called where the question has another word, and where the estimate comes from if that is sure. */
  function reserves({ tokens, model: of }) {
    const { stats, config } = known;
    const source = tokens === stats?.learned_estimate ? ", its learned estimate"
      : tokens === config?.min_estimate ? ", the least that it reserves" : "";
    const which = model.value() && of !== model.text() ? ` (model ${of})` : "";
    return `${which} and tells no estimate reserves ${counted(tokens ?? 0, "token")}${source}.`;
  }

  /** Those that apply to the client's requests for other models, and which of them refused any of late. */
  function others(here) {
    const client = clients.get(known.as());
    const isElsewhere = (name) => !here.some((limit) => limit.name === name);
    const names = client?.limits.map(({ name }) => name).filter(isElsewhere) ?? [];
    if (!names.length) return "";
    const told = names.length > NAMES_MAX ? [...names.slice(0, NAMES_MAX), `${count(names.length - NAMES_MAX)} more`] : names;
    const refused = refusedBy(client, Date.now()).filter((name) => names.includes(name));
    return `Limits for other models: ${listed(told)}.${refused.length ? ` Refused of late by ${listed(refused)}.` : ""}`;
  }

  return panel("limits", "Limits", null, question, state.node, answer.node, elsewhere);
}
