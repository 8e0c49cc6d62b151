// Who was refused in the time that is looked at, and by which limits.

import { columns, sums, UNKNOWN } from "../../live/refusals.js";
import { history } from "../../live/history.js";
import { bars } from "../../parts/bars.js";
import { el, say } from "../../parts/element.js";
import { count, counted, percent, rate } from "../../parts/number.js";
import { link, panel } from "../../parts/shapes.js";
import { table } from "../../parts/table.js";
import { clock } from "../../parts/time.js";

const ROWS = 10;

/** The order changes no more often than it can be read. */
const ORDER_MS = 4_000;

export function refused() {
  const sum = el("p.refused-sum");
  const clients = part("By client", ["Client", "Refused", "Over time", "Most by"], clientRow);
  const limits = part("By limit", ["Limit", "Refused", "Most often"], limitRow);
  let ordered = 0;
  let order = [];

  return {
    node: panel("refused-title.events-refused", "Refused", null, el("div.live", sum, clients.node, limits.node)),
    show({ from, to, now, span }) {
      const all = sums(from, to);
      say(sum, told(all, now, span));
      const isAnother = order.length !== Math.min(all.clients.length, ROWS) || order.span !== span;
      if (isAnother || now - ordered > ORDER_MS) {
        order = Object.assign(all.clients.slice(0, ROWS).map(({ name }) => name), { span });
        ordered = now;
      }
      const byName = new Map(all.clients.map((client) => [client.name, client]));
      const list = order.filter((name) => byName.has(name)).map((name) => byName.get(name));
      const over = (name) => columns(from, to, span.step, name);
      clients.show(list.map((one) => ({ ...one, all: all.requests, columns: over(one.name) })), all.clients.length, all.others);
      limits.show(all.limits.slice(0, ROWS).map((one) => ({ ...one, all: all.requests })), all.limits.length, 0);
    },
  };
}

function told({ requests, clients, others }, now, { ms, long }) {
  if (history.since === undefined) return "Nothing is known: no events were heard yet.";
  const seconds = Math.max(1, (now - Math.max(now - ms, history.since)) / 1_000);
  const last = seconds < ms / 1_000 - 20 ? `since ${clock(history.since)}, from when on it is known` : `in the last ${long}`;
  return requests
    ? `${counted(requests, "request")} refused ${last}: ${rate(requests / seconds)} a second, ${counted(clients.length, "client")}${others ? " or more" : ""}.`
    : `Nobody was refused ${last}.`;
}

function part(text, heads, row) {
  const more = el("p.muted");
  const list = table({
    label: `Refused, ${text.toLowerCase()}`, kind: "", columns: heads, figures: ["Refused"], key: ({ name }) => name, row,
  });
  const node = el("div.refused-part", el("h3", text), list.node, more);
  return {
    node,
    show(items, all, others) {
      node.hidden = !items.length;
      list.show(items);
      const rest = all - items.length;
      const untold = others > 0 && `${counted(others, "request")} of clients beyond the first 100 in a quarter of a minute`;
      say(more, [rest > 0 && `${count(rest)} more`, untold].filter(Boolean).join("; "));
    },
  };
}

const said = (name) => (name === UNKNOWN ? "nobody configured" : name);

/** How many, which part of all that is, and by whom most. */
function figures() {
  const [many, share, by] = [el("b"), el("span.muted"), el("span", { dir: "auto" })];
  return {
    cell: [many, " ", share], by,
    show({ requests, all, by: names }) {
      say(many, count(requests));
      say(share, percent(all ? requests / all : 0));
      say(by, names.slice(0, 2).map(said).join(", "));
    },
  };
}

function clientRow({ name }) {
  const { cell, by, show } = figures();
  const over = bars();
  return {
    cells: [link(name, ["clients", name]), cell, over.node, by],
    show(client) {
      show(client);
      over.show(client.columns);
    },
  };
}

function limitRow({ name }) {
  const { cell, by, show } = figures();
  const own = name === "rpm" || name === "tpm";
  return {
    cells: [own || name === UNKNOWN ? [said(name), own && el("span.muted", " of clients")]
      : link(name, ["edit", "limits", name]), cell, by],
    show,
  };
}
