// As whom and as what the request is taken.

import { el, renew } from "../../parts/element.js";
import { count } from "../../parts/number.js";
import { link } from "../../parts/shapes.js";

const POLICIES = {
  shared: "such ids share one budget", each: "each such id has a budget of its own", deny: "such ids are denied",
  allow: "such ids are let in",
};

export function whom() {
  const node = el("p.explain-whom");
  return {
    node,
    show: (answer, named) => renew(node,
      "Client ", link(answer.client_id, ["clients", answer.client_id]), ` (${client(answer)}), model `, el("bdi", answer.model),
      model(answer, named), `, ${count(answer.in_flight)} in flight.`),
  };
}

function client({ configured, enabled, unknown_clients: policy, client_id: id }) {
  if (configured) return enabled ? "enabled" : "not enabled: its own limits are off";
  return id === "unknown" ? "all ids that nobody configured" : `nobody configured it: ${POLICIES[policy]}`;
}

function model({ model: of }, named) {
  if (of !== "other") return named && named !== of && [" for ", el("bdi", named)];
  return named ? ": no model has that name" : ": none is named";
}
