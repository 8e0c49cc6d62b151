// Every client as it stands this moment, those who are refused first.

import { go } from "../../base/address.js";
import { ended, every } from "../../base/while.js";
import { changed, clients, STRANGERS_MAX } from "../../live/clients.js";
import { connection, shownAt } from "../../live/feed.js";
import { readAll, reading } from "../../live/reading.js";
import { announce } from "../../parts/announce.js";
import { el, renew, say } from "../../parts/element.js";
import { count, counted } from "../../parts/number.js";
import { button, link } from "../../parts/shapes.js";
import { empty, failed, loading } from "../../parts/states.js";
import { virtualRows } from "../../parts/virtual_rows.js";
import { chosen } from "./chosen.js";
import { controls } from "./controls.js";
import { head, row } from "./row.js";
import { totals } from "./totals.js";

export const title = () => "Now";

/** Figures move twice a second; order changes less often, so that a row can be read and reached. */
const DRAW_MS = 500;
const ORDER_MS = 2_000;

/** How far down the reader was, who comes back. */
let scrolled = 0;

export function open(root, { query, signal }) {
  const heading = el("h1", { tabindex: "-1", class: "unseen" }, "Now");
  const sums = totals();
  const state = el("div");
  const trouble = el("div");
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
    query,
    onChange: () => { orderedAt = 0; draw(); },
    onPause: (paused) => {
      heldAt = paused ? shownAt() : undefined;
      announce(paused ? "Paused." : "Figures move again.");
      draw();
    },
  });
  root.append(heading, sums.node, choice.node, trouble, state, rows.node, shown);

  function draw() {
    due = false;
    const now = shownAt();
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
    // Of who was read before nothing is lost, and the others are missing.
    renew(trouble, items.length && reading.error && connection.state === "open" ? failed(reading.error, readAll) : null);
    rows.node.hidden = items.length === 0;
  }

  every(DRAW_MS, () => { if (due || heldAt === undefined) draw(); }, signal);
  changed.listen(() => { due = true; }, signal);
  ended(signal, () => { scrolled = rows.node.scrollTop; });
  draw();
  rows.node.scrollTop = scrolled;

  function told(list) {
    const seen = list.filter((item) => item.client).length;
    const all = clients.size;
    const more = reading.done || reading.error ? "" : `, ${count(reading.read)} read so far`;
    const crowd = all >= STRANGERS_MAX ? `. Of those whom nobody configured, ${count(STRANGERS_MAX)} at most are here.` : "";
    return `${seen === all ? "" : `${count(seen)} of `}${counted(all, "client")}${more}${crowd}`;
  }

  function instead(list) {
    if (list.length) return null;
    if (clients.size) return empty("No client is like that.", button("Show all clients", choice.clear));
    const error = reading.error ?? connection.error;
    if (error) return failed(error, readAll);
    if (!reading.done) return loading("clients");
    return empty("Nobody is configured, and nobody has asked yet.", link("Configure a client", ["edit"]));
  }
}
