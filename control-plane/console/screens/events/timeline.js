// What happened over time, a lane for each kind. The table beneath says the same.

import { watchWidth } from "../../base/while.js";
import { history } from "../../live/history.js";
import { columns } from "../../live/refusals.js";
import { axis } from "../../parts/axis.js";
import { barPath } from "../../parts/bars.js";
import { el, fill, say, set, svg } from "../../parts/element.js";
import { keyed } from "../../parts/keyed.js";
import { brief, count, duration } from "../../parts/number.js";
import { failing, isFailing, unknown, withoutWorkers } from "./happened.js";
import { shape, together } from "./marks.js";

const LANE = 40;
const BARS = 64;
const AXIS = 22;
/** Names of lanes stand beside them where there is room, else above. */
const BESIDE = 150;
const WIDE = 640;
const NAME = 18;
/** Marks stand whole within the line. */
const EDGE = 9;

const LANES = [
  { name: "config", text: "Changes", of: ["config"] },
  { name: "workers", text: "Workers", of: ["joined", "left"] },
  { name: "planes", text: "Control planes", of: ["started", "replicas"] },
  { name: "failures", text: "Failure mode", of: [] },
  { name: "refused", text: "Refused", of: [] },
];

export function timeline(signal) {
  const [ground, spans, marksGroup] = [svg("g"), svg("g"), svg("g")];
  const strip = svg("path.tl-refused");
  const names = LANES.map(({ text }) => svg("text.tl-name", text));
  const figures = LANES.map(() => svg("text.tl-text"));
  const picture = svg("svg.timeline", { role: "img" }, hatching(), ground, spans, strip, names, figures, marksGroup);
  const node = el("div.timeline-box", picture);
  const list = keyed(marksGroup, ({ key }) => key, shape);
  let width = 0;
  let shown;

  function draw() {
    if (!width || !shown) return;
    const { from, to, now, step, marks, audit } = shown;
    const beside = width >= WIDE;
    const [left, right] = [beside ? BESIDE : 0, width];
    const x = (time) => left + ((Math.max(from, Math.min(time, to)) - from) / (to - from)) * (right - left);
    const within = (time) => Math.max(left + EDGE, Math.min(x(time), right - EDGE));
    const tops = lanes(beside);
    const { bottom } = tops.at(-1);
    set(picture, "viewBox", `0 0 ${width} ${bottom + AXIS}`);
    set(picture, "height", bottom + AXIS);
    fill(ground, tops.map((lane) => [
      box("tl-lane", left, right, lane),
      unknown(lane.name, audit, from, now).map((gap) => box("tl-unknown", x(gap.from), x(gap.to), lane)),
    ]), axis(shown, x, { left, right, top: tops[0].top, bottom }));
    fill(spans, withoutWorkers(from, now).map(({ at, until }) => box("tl-none", x(at), x(until), tops[1], 3)),
      marks.filter(isFailing).map(({ what, at, until = now }) => box(`tl-${what}`, x(at), x(until), tops[3], 3)));
    const numbers = columns(from, to, step);
    const high = (BARS - 4) / Math.max(...numbers, 1);
    set(strip, "d", barPath(numbers.map((number, index) => {
      const [begin, end] = [from + index * step, from + (index + 1) * step].map((time) => x(Math.min(time, now)));
      return [begin + 0.5, bottom, end - begin - 1, number * high];
    })));
    list.show(LANES.flatMap(({ of }, index) => together(marks.filter(({ what }) => of.includes(what)), within, tops[index])));
    tops.forEach((lane, index) => {
      const middle = (lane.top + lane.bottom) / 2;
      place(names[index], beside ? 0 : left, beside ? middle - 2 : lane.top - 5);
      place(figures[index], beside ? 0 : right, beside ? middle + 13 : lane.top - 5);
      set(figures[index], "text-anchor", beside ? "start" : "end");
    });
  }

  function tell({ marks, from, to, now, step, sum, long, audit }) {
    const changes = marks.filter(({ what }) => what === "config").length;
    const away = failing(marks, from, now);
    const isHeard = history.since !== undefined;
    const isKnown = (lane) => !unknown(lane, audit, from, now).length;
    const more = (lane) => (isKnown(lane) ? "" : " or more");
    const none = (lane) => (isKnown(lane) ? "none" : "none known");
    const current = (number) => (number === undefined || history.away !== undefined ? "" : `${count(number)} now`);
    const texts = [
      audit.done ? `${count(changes)}${more("config")}` : "", current(history.workers), current(history.replicas),
      !isHeard ? "" : away ? `${briefly(away)}${more("failures")}` : none("failures"),
      !isHeard ? "" : sum ? `${count(sum)}, up to ${brief(Math.max(...columns(from, to, step)))} in ${duration(step)}` : none("refused"),
    ];
    texts.forEach((text, index) => say(figures[index], text));
    const all = LANES.map(({ text }, index) => `${text.toLowerCase()} ${texts[index] || "not known"}`).join(", ");
    set(picture, "aria-label", `The last ${long}: ${all}. The table beneath has all of it.`);
  }

  watchWidth(node, (now) => { width = now; draw(); }, signal);
  return { node, show(what) { shown = what; tell(what); draw(); } };
}

function lanes(beside) {
  let y = 2;
  return LANES.map(({ name }) => {
    const top = y + (beside ? 0 : NAME);
    const bottom = top + (name === "refused" ? BARS : beside ? LANE : 26);
    y = bottom + 6;
    return { name, top, bottom };
  });
}

const briefly = (ms) => (ms < 1_000 ? "< 1 s" : duration(Math.round(ms / 1_000) * 1_000));

function box(kind, begin, end, lane, inset = 0) {
  return svg("rect", {
    class: kind, x: begin, y: lane.top + inset, width: Math.max(end - begin, inset ? 3 : 0),
    height: lane.bottom - lane.top - 2 * inset,
  });
}

function place(node, x, y) {
  set(node, "x", x);
  set(node, "y", y);
}

function hatching() {
  return svg("defs", svg("pattern", {
    id: "tl-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
  }, svg("line.tl-hatch", { x1: 0, x2: 0, y1: 0, y2: 6 })));
}
