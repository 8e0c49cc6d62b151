// Every limit that applies to a request, as an explanation has them: whose it is, what is left, and when there is enough.

import { bar } from "./bar.js";
import { el, fill, renew, say } from "./element.js";
import { keyed } from "./keyed.js";
import { count, remaining } from "./number.js";
import { amount, units, whose } from "./rule.js";

/** A list that is told each explanation, and counts down between two of them. */
export function limitList() {
  const node = el("ul.limits", { "aria-label": "Limits that apply" });
  const made = new Set();
  const rows = keyed(node, ({ limit }) => `${limit.name} ${limit.trial === true}`, () => {
    const row = limitRow();
    made.add(row);
    return row;
  });
  return {
    node,
    /** `tokens` is what the request would reserve; waits count from `at`, when it was answered. */
    show({ limits = [], tokens }, at) {
      rows.show(limits.map((limit) => ({ limit, needs: limit.measure === "tokens" ? tokens : 1, at })));
      for (const row of made) if (!node.contains(row.node)) made.delete(row);
    },
    tick(now) {
      for (const row of made) row.tick(now);
    },
  };
}

function limitRow() {
  const [name, badges, rule] = [el("b.limit-name"), el("span.limit-badges"), el("span.limit-rule")];
  const [figures, wait, next] = [el("span.limit-left"), el("b.limit-wait"), el("span.limit-next")];
  const left = bar();
  const node = el("li.limit",
    el("div.limit-what", name, badges, rule), left.node, el("div.limit-foot", figures, next));
  let until;

  return {
    node,
    show({ limit, needs, at }) {
      const isOff = limit.covers === undefined;
      say(name, limit.name);
      renew(badges, kinds(limit).map((kind) => el("span.badge.plain", kind)));
      say(rule, `${amount(limit)} · ${whose(limit)}`);
      node.dataset.state = isOff ? "off" : limit.covers ? "covers" : limit.enforced ? "holds" : "would";
      left.node.hidden = isOff;
      if (!isOff) left.show({ ...limit, limit: limit.burst ?? limit.limit }, limit.remaining);
      say(figures, isOff ? "" : standing(limit));
      until = limit.retry_after_ms === undefined ? undefined : at + limit.retry_after_ms;
      const [before, after] = outlook(limit, needs);
      fill(next, before, until !== undefined && wait, after);
      this.tick(Date.now());
    },
    tick(now) {
      if (until !== undefined) say(wait, remaining(until - now));
    },
  };
}

function kinds({ mode, trial, enforced }) {
  const isNot = !enforced && mode === "enforce" && !trial;
  return [trial && "trial", mode !== "enforce" && mode, isNot && "not enforced"].filter(Boolean);
}

/** What is left; below nothing it is debt. */
function standing({ remaining: left, limit, burst, measure, in_flight: taken }) {
  if (measure === "concurrent") return `${count(left)} of ${units(limit, "places")} free, ${count(taken ?? limit - left)} taken`;
  if (left < 0) return `In debt: ${units(-left, measure)} owed`;
  return `${count(left)} of ${units(burst ?? limit, measure)} left`;
}

/** What the request needs of it, and when it is there: what stands before the wait, and behind it. */
function outlook({ covers, never, why, measure, enforced, mode }, needs) {
  const isPlace = measure === "concurrent";
  const what = `Needs ${isPlace ? "a place" : units(needs ?? 0, measure)}: `;
  const free = enforced ? "" : mode === "shadow" ? "; in shadow it refuses nothing" : "; it refuses nothing";
  if (covers === undefined) return ["Off: it decides nothing", ""];
  if (covers) return [`${what}${isPlace ? "one is free" : "enough now"}`, ""];
  if (never) return [why ? `Never: ${why}` : `${what}never enough`, free];
  return [`${what}${isPlace ? "none is free, one comes back when a request ends; ask again" : "enough"} in `, free];
}
