// What was counted of the client, and how it is known.

import { el } from "../../parts/element.js";
import { facts as factsList } from "../../parts/facts.js";
import { count, counted, duration } from "../../parts/number.js";
import { panel } from "../../parts/shapes.js";
import { place } from "../../parts/states.js";
import { time } from "../../parts/time.js";

export function facts(known, signal) {
  const list = factsList("live");
  const state = place("statistics");
  const node = panel("facts", "Statistics", null, list.node, state.node);
  known.changed.listen(() => {
    node.hidden = known.isConfigured === false;
    if (!known.config) return;
    state.read();
    list.show(rows(known.config, known.stats));
  }, signal);
  return node;
}

function rows(config, stats) {
  const by = [["rpm", stats.rpm_dropped], ["tpm", stats.tpm_dropped], ["other limits", stats.limit_dropped]]
    .filter(([, number]) => number > 0).map(([name, number]) => `${name} ${count(number)}`).join(", ");
  const identities = config.identities ?? [];
  return [
    ["Passed", counted(stats.success_requests, "request")],
    ["Refused", [counted(stats.dropped_requests, "request"), by && el("span.muted", ` (${by})`)]],
    ["Tokens used", count(stats.tokens_used)],
    ["Mean time", stats.success_requests ? duration(stats.avg_latency_ms) : "none yet"],
    ["Last request", stats.last_request_time ? time(stats.last_request_time) : "none yet"],
    ["Learned estimate", stats.learned_estimate === undefined ? "nothing learned" : counted(stats.learned_estimate, "token")],
    ["Reserves at least", config.min_estimate !== undefined && counted(config.min_estimate, "token")],
    ["Known by", identities.length ? identities.map((one) => el("code.identity", { dir: "auto" }, one)) : "its id"],
  ];
}
