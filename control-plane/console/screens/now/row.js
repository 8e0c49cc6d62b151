// A client in a line: what it asks for, what is left of each limit, what is refused and by which.

import { address } from "../../base/address.js";
import { inDebt, isRefused, left, partLeft, rates, refusedBy } from "../../live/clients.js";
import { bar } from "../../parts/bar.js";
import { el, say } from "../../parts/element.js";
import { count, counted, rate } from "../../parts/number.js";
import { sparkline } from "../../parts/sparkline.js";
import { ago } from "../../parts/time.js";

/** As many lines as a row has; where there are more limits, the last one says how many. All are on the client's own page. */
const LINES = 3;

const COLUMNS = [
  ["client", "Client"], ["figure", "Requests/s"], ["figure", "Tokens/s"], ["limits", "Left of each limit"],
  ["figure", "In flight"], ["refused", "Refused/s"], ["minute", "Last minute"],
];

export function head() {
  const cells = COLUMNS.map(([kind, text]) => el("span", { role: "columnheader", class: `cell ${kind}` }, text));
  return el("div", { role: "row", class: "row-head", "aria-rowindex": "1" }, cells);
}

/** Those of which the least is left, in the order in which they are told. */
function tightest(limits, now) {
  if (limits.length <= LINES) return limits;
  const parts = limits.map((limit) => partLeft(limit, now)).sort((one, other) => one - other);
  return limits.filter((limit) => partLeft(limit, now) <= parts[LINES - 2]).slice(0, LINES - 1);
}

export function row() {
  const cell = (kind, ...children) => el("span", { role: "gridcell", class: `cell ${kind}` }, children);
  const name = el("a", { tabindex: "-1", dir: "auto" });
  const tag = el("span.tag", { dir: "auto" });
  const mark = el("span.mark");
  const figures = { requests: el("b"), tokens: el("b"), flight: el("b"), refused: el("b") };
  const by = el("span.by");
  const bars = Array.from({ length: LINES }, bar);
  const more = el("span.muted");
  const spark = sparkline();
  const node = el(
    "div", {},
    cell("client", name, tag, mark), cell("figure requests", figures.requests), cell("figure tokens", figures.tokens),
    cell("limits", bars.map((one) => one.node), more), cell("figure flight", figures.flight),
    cell("refused", figures.refused, by), cell("minute", spark.node),
  );

  function showRates({ requests, tokens, refused }, inFlight) {
    say(figures.requests, rate(requests));
    say(figures.tokens, rate(tokens));
    say(figures.refused, rate(refused));
    say(figures.flight, count(inFlight));
  }

  function showGroup(group) {
    node.dataset.kind = "group";
    name.removeAttribute("href");
    say(name, group.name);
    say(tag, counted(group.many, "client"));
    say(mark, "");
    say(by, "");
    say(more, "");
    for (const one of bars) one.node.hidden = true;
    showRates(group.sums, group.sums.flight);
    spark.show(undefined);
  }

  function showClient(client, now) {
    const denied = isRefused(client, now);
    node.dataset.kind = denied ? "refused" : client.inFlight > 0 || rates(client, now).requests > 0 ? "active" : "idle";
    const href = address(["clients", client.id]);
    if (name.getAttribute("href") !== href) name.setAttribute("href", href);
    say(name, client.id);
    if (name.title !== client.id) name.title = client.id;
    say(tag, [client.group, client.plan].filter(Boolean).join(" · "));
    say(mark, client.config?.enabled === false ? "limits off" : inDebt(client, now) ? "in debt" : "");
    const lately = rates(client, now);
    showRates(lately, client.inFlight);
    const names = denied ? refusedBy(client, now) : [];
    const which = names.slice(0, 2).join(", ");
    say(by, !which ? "" : lately.refused > 0 ? `by ${which}` : `${which}, ${ago(client.refusedAt, now)}`);
    const shown = tightest(client.limits, now);
    bars.forEach((one, index) => {
      const limit = shown[index];
      one.node.hidden = !limit;
      if (limit) one.show(limit, left(limit, now));
    });
    const untold = client.limits.length - shown.length;
    say(more, untold > 0 ? `and ${count(untold)} more` : client.limits.length ? "" : "no limits");
    spark.show(client.minute, now);
  }

  return {
    node,
    show(item) {
      if (item.client) showClient(item.client, item.now);
      else showGroup(item);
    },
  };
}
