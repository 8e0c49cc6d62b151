// Whether all is well, in words and in a shape, not in a colour alone.

import { el, renew, say, svg } from "../../parts/element.js";
import { ago } from "../../parts/time.js";
import { entryFor } from "./runbook.js";

const STATES = {
  healthy: { text: "Healthy", why: "Everything works that this control plane looks at.", shape: "circle" },
  degraded: { text: "Degraded", why: "It serves requests, and something is wrong.", shape: "triangle" },
  stopping: { text: "Stopping", why: "It ends, and takes no new requests.", shape: "square" },
  away: { text: "Not known", why: "It does not answer. What stands below is from its last answer.", shape: "square" },
};

export function health() {
  const icon = el("span.health-icon", { "aria-hidden": "true" });
  const state = el("b.health-state");
  const why = el("span");
  const when = el("span.muted");
  const idle = el("p.warn", "No Envoy is connected: it is asked for no decisions.");
  const reasons = el("ul.health-reasons", { "aria-label": "What is wrong" });
  const node = el(
    "section.panel.health", { "aria-label": "Health" },
    el("div.health-head", icon, el("div", state, " ", why, " ", when, idle)), reasons,
  );

  return {
    node,
    /** `error` says that the answer is an old one, of the moment `at`. */
    show({ status, reasons: list = [], workers }, at, error) {
      const name = error ? "away" : status;
      const { text, why: words, shape } = STATES[name] ?? { text: name, why: "", shape: "triangle" };
      node.dataset.state = name;
      say(state, text);
      say(why, error?.status > 0 ? `${error.message}. What stands below is from its last answer.` : words);
      say(when, error ? `That was ${ago(at)}.` : "");
      idle.hidden = Boolean(error) || workers.length > 0;
      renew(icon, picture(shape));
      renew(reasons, list.map(reason));
      reasons.hidden = !list.length;
    },
  };
}

function reason(text) {
  const entry = entryFor(text);
  return el("li", el("span", { dir: "auto" }, text), entry && el(
    "div.muted", "What to do is in the runbook, docs/runbook.md, below ", el("b", entry), ".",
  ));
}

function picture(shape) {
  const shapes = {
    circle: [svg("circle", { cx: 16, cy: 16, r: 14 }), svg("path", { d: "M9 16.5l5 5 9-10" })],
    triangle: [svg("path.ground", { d: "M16 2L31 29H1Z" }), svg("path", { d: "M16 11v9M16 24v1.5" })],
    square: [svg("rect", { x: 2, y: 2, width: 28, height: 28, rx: 4 }), svg("path", { d: "M10 10l12 12M22 10L10 22" })],
  };
  return svg("svg", { viewBox: "0 0 32 32", width: 32, height: 32 }, shapes[shape]);
}
