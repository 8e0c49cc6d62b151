// The last hour, a minute a bar.

import { get } from "../../api/client.js";
import { chart } from "../../parts/chart.js";
import { el } from "../../parts/element.js";
import { count } from "../../parts/number.js";
import { panel } from "../../parts/shapes.js";
import { place } from "../../parts/states.js";
import { table } from "../../parts/table.js";
import { time } from "../../parts/time.js";
import { notKept } from "./decisions.js";

const EVERY_MS = 10_000;
const MINUTE_MS = 60_000;

const SERIES = [["passed", "Passed"], ["refused", "Refused"], ["shadow", "Refused in shadow"], ["reserved", "Tokens reserved"],
  ["used", "Tokens used"]];

export function hour(known, signal) {
  const picture = chart({
    label: "Tokens and requests of the last hour, a minute a bar. The same is in the table below.",
    plots: [
      { text: "Tokens a minute", series: [{ key: "reserved", text: "Reserved" }, { key: "used", text: "Used" }] },
      { text: "Requests a minute", stacked: true, series: SERIES.slice(0, 3).map(([key, text]) => ({ key, text })) },
    ],
    signal,
  });
  const heads = SERIES.map(([, text]) => text);
  const rows = table({ label: "The last hour, a minute a row", columns: ["Minute", ...heads], figures: heads });
  const details = el("details", { ontoggle: () => list() }, el("summary", "As a table"), el("div.table-scroll.live", rows.node));
  const whole = el("div", { hidden: true }, picture.node, details);
  const state = place("the last hour", () => again());
  let points = [];

  const again = known.past(EVERY_MS, {
    async read() {
      const { data } = await get(known.where("history"), { signal });
      const from = Date.parse(data.from);
      points = data.points.map(minute);
      const to = Math.max(from + 60 * MINUTE_MS, points.length ? points.at(-1).time + MINUTE_MS : 0);
      picture.show({ from, to, step: MINUTE_MS, known: points[0]?.time ?? Date.parse(data.oldest), points });
      list();
      whole.hidden = false;
      state.read();
    },
    failed(error) {
      const why = notKept(error);
      if (why) whole.hidden = true;
      if (why) state.read(why);
      else state.failed(error);
    },
  });

  function list() {
    if (!details.open) return;
    rows.show(points.toReversed().map((point) => [time(point.time, "clock"), ...SERIES.map(([key]) => count(point[key]))]));
  }

  return panel("hour", "Last hour", null, whole, state.node);
}

function minute({ time: began, requests, refused, refused_in_shadow: shadow = 0, reserved, used }) {
  return { time: Date.parse(began), passed: requests - refused - shadow, refused, shadow, reserved, used };
}
