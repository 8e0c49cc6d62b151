// How a limit stands: what it refused so far, what it would have, and what is left in its buckets.

import { get, isThere, path } from "../../api/client.js";
import { el, isSelected, renew } from "../../parts/element.js";
import { count } from "../../parts/number.js";
import { poll } from "../../parts/poll.js";
import { figures, panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { table } from "../../parts/table.js";

const EVERY_MS = 5_000;

/** So many of its buckets are shown. */
const FEW = 10;

const SUMS = [["refused", "Refused"], ["would", "Would have refused"]];

export function standing(name, signal) {
  const state = place("how it stands", () => again());
  const sums = figures("What it refused", SUMS);
  const buckets = el("div");
  const note = "What it would have refused is what passed in shadow, or was too much for the number on trial alone.";
  const all = el("div", { hidden: true }, sums.node, el("p.muted", note), buckets);

  const again = poll(async () => {
    const isGone = !(await isThere("limits", name, { signal }));
    const { data } = isGone ? {} : await get(path("limits", name, "stats"), { query: { limit: FEW }, signal });
    state.read(isGone && empty("It is not there any more."));
    all.hidden = isGone;
    if (isGone) return;
    sums.show("refused", count(data.refused), data.refused > 0);
    sums.show("would", count(data.would_refuse));
    if (!isSelected(buckets)) renew(buckets, bucketsOf(data));
  }, EVERY_MS, { failed: state.failed, signal });

  return panel("standing.standing", "How it stands", undefined, state.node, all);
}

function bucketsOf({ buckets, trial, next_cursor: more }) {
  if (!buckets.length) return el("p.muted", "Nothing of it is spent: its buckets are full.");
  const columns = ["Bucket", "Left", ...(trial === undefined ? [] : ["Left on trial"])];
  const all = table({ label: "Buckets", columns, figures: columns.slice(1) });
  all.show(buckets.map(({ remaining, trial_remaining: tried, ...of }) => [
    el("bdi", Object.entries(of).map(([word, one]) => `${word} ${one}`).join(", ") || "of all its requests"),
    count(remaining), tried === undefined ? "" : count(tried),
  ].slice(0, columns.length)));
  return [all.node, more && el("p.muted", `These are the first ${count(FEW)} of its buckets.`)];
}
