// Every client as it stands this moment, those who are refused first.

import { changed, clients, readAll, reading } from "../../live/clients.js";
import { connection } from "../../live/feed.js";
import { go } from "../../parts/address.js";
import { announce } from "../../parts/announce.js";
import { el, renew, say } from "../../parts/element.js";
import { count, counted } from "../../parts/number.js";
import { button, link } from "../../parts/shapes.js";
import { empty, failed, loading } from "../../parts/states.js";
import { every } from "../../parts/while.js";
import { virtualRows } from "../../parts/virtual_rows.js";
import { chosen } from "./chosen.js";
import { controls } from "./controls.js";
import { head, row } from "./row.js";
import { totals } from "./totals.js";

export const title = () => "Now";

/** Figures move twice a second; order changes less often, so that a row can be read and reached. */
const DRAW_MS = 500;
const ORDER_MS = 2_000;

export function open(root, { signal }) {
  const heading = el("h1", { tabindex: "-1", class: "unseen" }, "Now");
  const sums = totals();
  const state = el("div");
  const shown = el("p.muted.shown");
  let items = [];
  let orderedAt = 0;
  let orderedOf = 0;
  let heldAt;
  let due = true;

  const rows = virtualRows({
    label: "Clients",
    head: head(),
    create: () => row(),
    key: (item) => item.group ?? item.client.id,
    open: (item) => item.client && go(["clients", item.client.id]),
    signal,
  });
  const choice = controls({
    onChange: () => { orderedAt = 0; draw(); },
    onPause: (paused) => {
      heldAt = paused ? Date.now() : undefined;
      announce(paused ? "Paused." : "Figures move again.");
      draw();
    },
  });
  root.append(heading, sums.node, choice.node, state, rows.node, shown);

  function draw() {
    due = false;
    const now = connection.state === "away" ? connection.since : Date.now();
    if (heldAt === undefined || orderedAt === 0) {
      if (Math.abs(now - orderedAt) >= ORDER_MS || clients.size !== orderedOf) {
        items = chosen(clients, choice.value, now);
        orderedAt = now;
        orderedOf = clients.size;
        choice.offer(clients);
      }
      sums.show(clients, now);
      rows.show(items.map((item) => ({ ...item, now })));
    }
    say(shown, told(items));
    renew(state, instead(items));
    rows.node.hidden = items.length === 0;
  }

  every(DRAW_MS, () => { if (due || heldAt === undefined) draw(); }, signal);
  changed.listen(() => { due = true; }, signal);
  draw();

  function told(list) {
    const seen = list.filter((item) => item.client).length;
    const all = clients.size;
    const more = reading.done || reading.error ? "" : `, ${count(reading.read)} read so far`;
    return seen === all ? `${counted(all, "client")}${more}` : `${count(seen)} of ${counted(all, "client")}${more}`;
  }

  function instead(list) {
    if (list.length) return null;
    if (clients.size) return empty("No client is like that.", button("Show all clients", choice.clear));
    if (reading.error) return failed(reading.error, readAll);
    if (!reading.done) return loading("clients");
    return empty("Nobody is configured, and nobody has asked yet.", link("Configure a client", ["edit"]));
  }
}
