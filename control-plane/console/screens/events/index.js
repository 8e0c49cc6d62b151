// What happened: over time, who was refused, and who changed what.

import { every } from "../../base/while.js";
import { history } from "../../live/history.js";
import { sums } from "../../live/refusals.js";
import { announce } from "../../parts/announce.js";
import { el } from "../../parts/element.js";
import { chips } from "../../parts/shapes.js";
import { auditOf } from "./audit.js";
import { changes } from "./changes.js";
import { looked, SPANS } from "./happened.js";
import { line } from "./line.js";
import { refused } from "./refused.js";

export const title = () => "Events";

const DRAW_MS = 1_000;

/** Which time is looked at stays while other screens are. */
let span = SPANS[1];

export function open(root, { query, signal }) {
  const object = query.get("object") || undefined;
  const everything = auditOf(undefined, signal);
  const chosen = object === undefined ? everything : auditOf(object, signal);
  const options = SPANS.map(({ text, long }) => [text, text, `The last ${long}`]);
  const spans = chips("Which time", options, span.text, (text) => {
    span = SPANS.find((one) => one.text === text);
    announce(`The last ${span.long}.`);
    draw();
  });
  const over = line(spans.node, draw, signal);
  const who = refused();
  const list = changes(chosen, object, signal);
  // Who asks for one object wants its changes first.
  root.append(el("h1", { tabindex: "-1" }, object ? `Changes of ${object}` : "Events"), ...(object
    ? [list, el("div", over.node, who.node)] : [over.node, el("div.events-two", list, who.node)]));

  let due = false;
  function draw() {
    due = false;
    if (document.hidden || signal.aborted) return;
    const time = { ...looked(span), span };
    over.show({ ...time, audit: everything, sum: sums(time.from, time.to).requests });
    who.show(time);
  }

  function soon() {
    if (!due) requestAnimationFrame(draw);
    due = true;
  }
  every(DRAW_MS, draw, signal);
  for (const { changed } of [history, everything]) changed.listen(soon, signal);
  draw();
}
