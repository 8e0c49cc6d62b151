// The time line with what belongs to it: which time is looked at, what the shapes mean, what is not known, and the table.

import { history } from "../../live/history.js";
import { columns } from "../../live/refusals.js";
import { el, renew, say } from "../../parts/element.js";
import { count, counted } from "../../parts/number.js";
import { panel } from "../../parts/shapes.js";
import { table } from "../../parts/table.js";
import { time } from "../../parts/time.js";
import { between, missing, words } from "./happened.js";
import { timeline } from "./timeline.js";

const ROWS = 200;
const GAPS = 3;
const MINUTE_MS = 60_000;

const LEGEND = [
  ["◆", "configuration changed", "config"], ["▲", "worker joined", "joined"], ["▼", "worker left", "left"],
  ["▶", "control plane started", "started"], ["■", "number of control planes changed", "replicas"],
  ["2", "so many together", "many"], ["2", "of several kinds", "both"],
  ["▮", "no worker at all", "none"], ["▨", "not known", "unknown"],
];

/** `spans` chooses the time; `draw` is asked for when there is more to be seen. */
export function line(spans, draw, signal) {
  const picture = timeline(signal);
  const known = el("p.muted");
  const summary = el("summary");
  const happened = table({
    caption: "What happened, the newest first", kind: "", columns: ["Time", "What"], key: ({ key, until }) => `${key} ${until}`,
    row: (mark) => ({ cells: [time(mark.at, "clock"), words(mark)] }),
  });
  const minutes = table({
    caption: "Refused requests, by the minute", kind: "",
    columns: ["Minute", "Refused"], figures: ["Refused"], key: ({ at }) => at,
    row({ at }) {
      const figure = el("span");
      return { cells: [time(at, "clock"), figure], show: ({ many }) => say(figure, count(many)) };
    },
  });
  const more = el("p.muted");
  const scrolled = (label, ...inside) => el("div", { role: "region", "aria-label": label, tabindex: "0" }, inside);
  const details = el("details.as-table", { ontoggle: draw }, summary, el("div.two",
    scrolled("What happened, as a table", happened.node, more), scrolled("Refused by the minute", minutes.node)));
  const legend = LEGEND.map(([sign, text, kind]) => el("li", el(`span.tl-${kind}`, sign), ` ${text}`));

  return {
    node: panel("line-title.events-line", "What happened", spans,
      el("div.live", picture.node), el("ul.legend", { "aria-hidden": "true" }, legend), known, details),
    show({ from, to, now, span, audit, sum }) {
      const marks = between(from, now, audit.entries);
      picture.show({ ...span, from, to, now, marks, audit, sum });
      say(summary, `As a table: ${counted(marks.length, "entry", "entries")}`);
      renew(known, history.since !== undefined && whatIsKnown(missing(from, now)));
      if (!details.open) return;
      happened.show(marks.slice(0, ROWS));
      say(more, !marks.length ? "Nothing but refusals, if any."
        : marks.length > ROWS ? `The newest ${ROWS} of ${count(marks.length)}.` : "");
      const first = Math.floor(Math.max(from, history.since ?? from) / MINUTE_MS) * MINUTE_MS;
      minutes.show(columns(first, now, MINUTE_MS).map((many, index) => ({ at: first + index * MINUTE_MS, many })).reverse());
    },
  };
}

/** What the page cannot know is said as such. */
function whatIsKnown(gaps) {
  const { since, opened, started } = history;
  return [
    "Refusals and failure modes are known from ", time(since, "clock"),
    ` on, when ${since < opened ? "somebody began to listen" : "this page was opened"}; workers from `,
    time(started ?? since, "clock"), started ? " on, when the control plane started" : " on",
    "; changes as far back as they were read. All but the changes are those of this control plane.",
    gaps.slice(-GAPS).map((gap) => [" From ", time(gap.from, "clock"), " to ", time(gap.to, "clock"),
      " nothing was heard: only Envoy knows whether requests met FAILURE_MODE then."]),
  ];
}
