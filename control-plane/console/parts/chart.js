// Bars over time, some plots above one axis: what is stacked adds up, what is not stands one before the other.

import { watchWidth } from "../base/while.js";
import { axis } from "./axis.js";
import { barPath } from "./bars.js";
import { el, fill, say, set, svg } from "./element.js";
import { brief, count } from "./number.js";
import { clock, zoneChanged } from "./time.js";

const LEFT = 52;
const RIGHT = 8;
const TOP = 28;
const PLOT = 120;
const AXIS = 22;
const TICK_MS = 600_000;

/**
 * `plots` are `[{ text, stacked, series: [{ key, text }] }]`; a series has its colour from the class `series-<key>`.
 * `show({ from, to, step, known, points })` draws points `{ time, <key>: number }`, in milliseconds; before `known`
 * nothing is known.
 */
export function chart({ label, plots, signal }) {
  const picture = svg("svg.chart-picture", { role: "img", "aria-label": label, onpointermove: point, onpointerleave: point });
  const moment = el("span.chart-moment");
  const values = new Map();
  const legends = plots.map((plot) => el("ul.legend", { "aria-label": plot.text }, plot.series.map(({ key, text }) => {
    values.set(key, el("b"));
    return el("li", el(`span.swatch.series-${key}`, { "aria-hidden": "true" }), text, " ", values.get(key));
  })));
  const node = el("div.chart.live", el("div.chart-head", el("div", legends), moment), picture);
  const bottom = plots.length * (TOP + PLOT);
  const cursor = svg("rect.chart-cursor", { y: TOP, height: bottom - TOP });
  let data;
  let width = 0;
  let pointed;

  function draw() {
    if (!data || !width) return;
    const right = width - RIGHT;
    set(picture, "viewBox", `0 0 ${width} ${bottom + AXIS}`);
    set(picture, "height", bottom + AXIS);
    set(cursor, "width", wide());
    fill(picture, unknown(), axis({ ...data, tick: TICK_MS }, x, { left: LEFT, right, top: TOP, bottom }), cursor, plots.map(plotted));
    read();
  }

  const x = (time) => LEFT + ((time - data.from) / (data.to - data.from)) * (width - LEFT - RIGHT);
  const wide = () => Math.max(1, x(data.from + data.step) - x(data.from));

  function unknown() {
    const many = x(Math.min(Math.max(data.known, data.from), data.to)) - LEFT;
    return many >= 1 && [
      svg("rect.chart-unknown", { x: LEFT, y: TOP, width: many, height: bottom - TOP }),
      many > 100 && svg("text.axis-text", { x: LEFT + 8, y: TOP + 16 }, "nothing is known"),
    ];
  }

  function plotted({ text, stacked, series }, index) {
    const low = (index + 1) * (TOP + PLOT);
    const below = series.map((_, place) => (point) =>
      (stacked ? series.slice(0, place).reduce((sum, { key }) => sum + point[key], 0) : 0));
    const tops = data.points.flatMap((point) => series.map(({ key }, place) => below[place](point) + point[key]));
    const most = rounded(Math.max(...tops, 1));
    const high = (value) => (value / most) * PLOT;
    const lines = [0, most / 2, most].filter(Number.isInteger).map((value) => [
      svg("line.axis-line", { x1: LEFT, x2: width - RIGHT, y1: low - high(value), y2: low - high(value) }),
      svg("text.axis-text", { x: LEFT - 8, y: low - high(value) + 4, "text-anchor": "end" }, brief(value)),
    ]);
    const paths = series.map(({ key }, place) => {
      const inset = wide() * (stacked ? 0.12 : 0.12 + place * 0.2);
      return svg(`path.series-${key}`, { d: barPath(data.points.map((point) =>
        [x(point.time) + inset, low - high(below[place](point)), wide() - 2 * inset, high(point[key])])) });
    });
    return [svg("text.axis-text.chart-name", { x: LEFT, y: low - PLOT - 9 }, text), lines, paths];
  }

  /** The figures of the point under the pointer, or of all together. */
  function read() {
    const found = data.points.find(({ time }) => pointed >= time && pointed < time + data.step);
    for (const [key, value] of values) {
      say(value, count((found ? [found] : data.points).reduce((sum, one) => sum + one[key], 0)));
    }
    say(moment, found ? `in the minute of ${clock(found.time)}` : "in the whole hour");
    set(cursor, "x", found ? x(found.time) : -1_000);
  }

  function point({ type, offsetX }) {
    if (!data) return;
    pointed = type === "pointermove" ? data.from + ((offsetX - LEFT) / (width - LEFT - RIGHT)) * (data.to - data.from) : undefined;
    read();
  }

  watchWidth(node, (now) => { width = now; draw(); }, signal);
  zoneChanged.listen(draw, signal);
  return { node, show(next) { data = next; draw(); } };
}

/** The next number that reads well on an axis: 1, 2 or 5 and noughts. */
function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((part) => part * power).find((number) => number >= value);
}
