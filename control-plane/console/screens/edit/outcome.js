// What a preview answered: how many, who, by which limit, and how long they would have waited.

import { el } from "../../parts/element.js";
import { count, counted, duration } from "../../parts/number.js";
import { figures, link } from "../../parts/shapes.js";
import { table } from "../../parts/table.js";
import { time } from "../../parts/time.js";

/** So many clients are told of at once; the rest is behind a click. */
const FEW = 5;

const SUMS = [
  ["newly", "Newly refused"], ["admitted", "Newly admitted"], ["then", "Refused then"], ["now", "Refused with this"],
];

export function result(data, note) {
  const { decisions, then, now, newly_refused: newly, newly_admitted: admitted, untold, cut } = data;
  if (!decisions) return el("p", "Nobody has asked for anything since the control plane began to keep decisions.");
  const changed = data.clients.filter((client) => client.newly_refused || client.newly_admitted);
  const span = duration(Math.max(1_000, new Date(data.latest) - new Date(data.oldest))).replace(/\.\d+/, "");
  const sums = figures("Sums", SUMS);
  sums.show("newly", count(newly), newly > 0);
  sums.show("admitted", count(admitted), admitted > 0);
  sums.show("then", count(then.refused));
  sums.show("now", count(now.refused));
  return [
    el("p", `${counted(decisions, "request")} of all clients in ${span}, from `,
      time(data.oldest, "clock"), " to ", time(data.latest, "clock"),
      cut ? ": earlier ones are not kept any more." : ": all since the control plane started."),
    note && el("p.muted", note),
    newly || admitted ? [sums.node, waits(then, now)] : el("p.well", "No verdict would have been another one."),
    clientsOf(changed.slice(0, FEW)),
    changed.length > FEW && el("details",
      el("summary", counted(changed.length - FEW, "more client")), clientsOf(changed.slice(FEW))),
    untold > 0 && el("p.muted", `${counted(untold, "client")} with less to tell had no room here.`),
  ];
}

const longest = ({ longest_wait_ms: ms }) => (ms ? duration(ms) : "none");

/** What they were told to wait, and would have been; the mean is of those for whom waiting helps. */
function waits(...both) {
  const mean = ({ refused, never, total_wait_ms: all }) => (refused > never ? duration(all / (refused - never)) : "none");
  const rows = [["Longest wait told", ...both.map(longest)], ["Mean wait told", ...both.map(mean)]];
  if (both.some(({ never }) => never)) rows.push(["No wait would help", ...both.map(({ never }) => count(never))]);
  return compared("Waits", "Of those refused", rows);
}

/** What was `then` beside what would have been, `[text, then, now]`. */
function compared(label, what, rows) {
  const columns = [what, "Then", "With this"];
  const all = table({ label, kind: "waits", columns, figures: columns.slice(1) });
  all.show(rows);
  return all.node;
}

const clientsOf = (clients) => clients.length > 0 && el("ul.changed", clients.map(clientOf));

function clientOf({ client_id: id, limits, now, then, first, decisions, newly_refused: newly, newly_admitted: admitted }) {
  const by = limits.filter((one) => one.then !== one.now)
    .map((one) => [`by ${one.name}`, count(one.then), count(one.now)]);
  return el("li", link(id, ["clients", id]),
    el("p", newly > 0 && el("span.bad", `${count(newly)} newly refused, `),
      admitted > 0 && el("span.well", `${count(admitted)} newly admitted, `), `of ${counted(decisions, "request")}`),
    compared(`Refusals of ${id}`, "Refused",
      [["in all", count(then.refused), count(now.refused)], ...by, ["Longest wait told", longest(then), longest(now)]]),
    first.length > 0 && el("details", el("summary", "First that would be refused"), el("div.table-scroll", firstOf(id, first))));
}

function firstOf(id, refused) {
  const columns = ["Time", "Model", "By", "Tokens", "Wait"];
  const all = table({ label: `First refusals of ${id}`, columns, figures: columns.slice(3) });
  all.show(refused.map((one) => [
    one.time ? time(one.time, "clock") : "", one.model ?? "none", one.limit, count(one.tokens),
    one.never ? "never" : duration(one.retry_after_ms),
  ]));
  return all.node;
}
