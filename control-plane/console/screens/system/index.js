// How the control plane is, and what it is connected to.

import { get, path } from "../../api/client.js";
import { announce } from "../../parts/announce.js";
import { el, set } from "../../parts/element.js";
import { facts } from "../../parts/facts.js";
import { poll } from "../../parts/poll.js";
import { place } from "../../parts/states.js";
import { health } from "./health.js";
import * as told from "./told.js";
import { workers } from "./workers.js";

export const title = () => "System";

const EVERY_MS = 2_000;

const LISTS = {
  self: { heading: "This control plane" }, store: { heading: "Store" },
  decisions: { heading: "Decisions", kind: "figures", note: "Since it started." },
  ends: { heading: "How requests ended", kind: "figures", note: "Since it started." },
  failures: { heading: "What went wrong", kind: "figures", note: "How often, since it started." },
  kept: { heading: "Decisions for looking back" },
  settings: { heading: "Settings", kind: "settings", note: "Those by which it decides. flowguard settings tells all." },
};

export function open(root, { signal }) {
  const state = place("how it is", () => again());
  const well = health();
  const streams = workers();
  const lists = Object.entries(LISTS).map(([name, { heading, kind, note }]) => {
    const list = facts(kind);
    const node = el("section.panel.live", el("h2", heading), list.node, note && el("p.muted.note", note));
    return { node, show: (of) => list.show(told[name](of)) };
  });
  const nodes = lists.map(({ node }) => node);
  const all = el("div.system", { hidden: true },
    well.node, el("div.system-grid", nodes.slice(0, -1)), streams.node, nodes.at(-1), links());
  root.append(el("h1", { tabindex: "-1" }, "System"), state.node, all);
  let last;
  let lastAt;

  const again = poll(async () => {
    const { data } = await get(path("system"), { signal });
    if (last && last.status !== data.status) announce(`The control plane is ${data.status}.`);
    [last, lastAt] = [data, Date.now()];
    state.read();
    all.hidden = false;
    set(all, "data-stale", null);
    for (const one of [well, streams, ...lists]) one.show(data);
  }, EVERY_MS, {
    failed(error) {
      if (!last) return state.failed(error);
      set(all, "data-stale", true);
      return well.show(last, lastAt, error);
    },
    signal,
  });
}

function links() {
  return el("section.panel", el("h2", "Elsewhere"), el("ul.links",
    el("li", el("a", { href: "/docs" }, "The API"), ": every call, with its fields and errors."),
    el("li", el("a", { href: "/api/v1/openapi.json" }, "Its description"), " (OpenAPI), for programs."),
    el("li", "Metrics are at ", el("code", "/metrics"), " of METRICS_PORT, for Prometheus."),
    el("li", "What to do in which case is in the runbook, docs/runbook.md.")));
}
