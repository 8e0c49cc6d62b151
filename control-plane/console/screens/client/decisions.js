// What was decided of late over the client's requests, and why; the newest first.

import { get } from "../../api/client.js";
import { announce } from "../../parts/announce.js";
import { el, isSelected, renew, say } from "../../parts/element.js";
import { count, counted, duration } from "../../parts/number.js";
import { button, panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { table } from "../../parts/table.js";
import { time } from "../../parts/time.js";

const EVERY_MS = 10_000;
const PAGE = 50;

/** More than that nobody reads in a page; the API has all of them. */
const MOST = 1_000;

const FIGURES = ["Reserved", "Used", "Took"];

/** Where none is kept, why; `undefined` where something else is the matter. */
export function notKept(error) {
  if (error.status === 409) return empty("Decisions are not kept here.", el("p", error.message));
  return error.status === 404 ? empty("Nothing is kept of ids that nobody configured: their requests are denied.") : undefined;
}

export function decisions(known, signal) {
  const rows = table({ label: "Decisions", columns: ["Time", "Verdict", "Model", ...FIGURES], figures: FIGURES });
  const scroll = el("div.table-scroll.decisions-scroll.live", { tabindex: "0", role: "region", "aria-label": "The newest first" },
    rows.node);
  const follow = el("input", { type: "checkbox", checked: true, onchange: () => hold(!follow.checked) });
  const following = el("label.tick", follow, "Follow");
  const more = button("Older ones", readMore);
  const how = el("span");
  const told = el("span");
  const foot = el("div.decisions-foot", more, el("p.muted.decisions-told", how, told));
  const state = place("decisions", () => again());
  let list = [];
  let cursor;
  let shown;
  let isKept = true;

  /** Whoever reads or copies a row is not robbed of it. */
  const isRead = () => isSelected(scroll) || scroll.contains(document.activeElement) || scroll.scrollTop > 0;

  function isHeld() {
    sayHow();
    return !follow.checked || isRead();
  }

  const again = known.past(EVERY_MS, {
    isHeld,
    async read() {
      const data = await page();
      isKept = true;
      known.decided.tell(data.decisions);
      if (follow.checked && !isRead()) show(data, data.decisions);
    },
    failed(error) {
      const why = notKept(error);
      isKept = !why;
      known.decided.tell([]);
      if (why) list = [];
      if (why) state.read(why);
      else state.failed(error);
      visible();
    },
  });
  known.moved.listen(() => { if (isKept && !isHeld()) again(); }, signal);

  async function page(from) {
    const { data } = await get(known.where("decisions"), { query: { limit: PAGE, cursor: from }, signal });
    return data;
  }

  async function readMore() {
    hold(true);
    more.disabled = true;
    try {
      const data = await page(cursor);
      announce(`${counted(data.decisions.length, "older decision")}, from row ${count(list.length + 1)} on.`);
      show(data, [...list, ...data.decisions]);
    } catch (error) {
      if (!signal.aborted) state.failed(error);
    }
    more.disabled = false;
    (more.hidden ? follow : more).focus();
  }

  function hold(held) {
    follow.checked = !held;
    sayHow();
    if (held) return;
    scroll.scrollTop = 0;
    again();
  }

  function show({ oldest, replica, next_cursor: next }, all) {
    [list, cursor] = [all, next];
    const now = JSON.stringify(list);
    if (now !== shown) rows.show(list.map(cells));
    shown = now;
    state.read(!list.length && empty("Nothing was decided of late."));
    renew(told, " All are here since ", time(oldest), `, at ${replica}.`);
    visible();
    sayHow();
  }

  function visible() {
    scroll.hidden = foot.hidden = following.hidden = !list.length;
    more.hidden = !cursor || list.length >= MOST;
  }

  function sayHow() {
    say(how, !follow.checked ? "Not followed." : isRead() ? "Held while you read." : "New ones come by themselves.");
  }

  visible();
  return panel("decisions.decisions", "Decisions", el("div.actions", following), scroll, state.node, foot);
}

function cells(one) {
  return [
    time(one.time, "exact"),
    [el(`span.badge.${one.verdict === "passed" ? "well" : "bad"}`, one.verdict), " ", el("span", reason(one))],
    one.model === undefined ? el("span.muted", "none named") : el("bdi", one.model),
    count(one.reserved),
    one.used === undefined ? "" : count(one.used),
    one.duration_ms === undefined ? "" : duration(one.duration_ms),
  ];
}

function reason({ verdict, limit, never, retry_after_ms: wait, shadow, duration_ms: took, used }) {
  if (verdict === "passed") return took === undefined && used === undefined ? "under way" : "";
  const told = never ? "never fits" : wait === undefined ? "" : `told to wait ${duration(wait)}`;
  return [limit && `by ${limit}`, told, shadow && "let pass in shadow"].filter(Boolean).join(", ");
}
