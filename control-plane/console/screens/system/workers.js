// Which workers have a stream now.

import { el, renew, say, set } from "../../parts/element.js";
import { count, counted } from "../../parts/number.js";
import { panel } from "../../parts/shapes.js";
import { empty } from "../../parts/states.js";
import { table } from "../../parts/table.js";
import { ago, time } from "../../parts/time.js";

const COLUMNS = ["Worker", "Node", "Mode", "Who asks", "Version", "Stream since", "In flight"];

/** As the API has at most. */
const TOLD_MAX = 1_024;

const MODES = { shadow: "refuses nobody", pass: "checks nothing", off: "is off" };

export function workers() {
  const list = table({
    label: "Workers", kind: "cards workers", columns: COLUMNS, figures: ["In flight"], key: ({ worker }) => worker, row,
  });
  const none = empty("No worker has a stream: nobody is asking for decisions. An Envoy connects with its first request.");
  const sum = el("p.muted");
  return {
    node: panel("workers-title.live", "Workers", null, sum, list.node, none),
    show({ workers: all, version, time: now }) {
      list.node.hidden = !all.length;
      none.hidden = all.length > 0;
      const flight = all.reduce((many, one) => many + one.in_flight, 0);
      const nodes = new Set(all.map((one) => one.node)).size;
      const words = `${counted(all.length, "worker")} of ${counted(nodes, "Envoy")}, ${counted(flight, "request")} in flight.`;
      say(sum, all.length ? `${words}${all.length >= TOLD_MAX ? " More than these are not told." : ""}` : "");
      list.show(all.map((one) => ({ ...one, ours: version, now: Date.parse(now) })));
    },
  };
}

function row({ worker, node }) {
  const [mode, identity, version, since, flight] = Array.from({ length: 5 }, () => el("span"));
  const told = (where, text, isWell, why) => {
    say(where, isWell ? text : `${text}: ${why}`);
    set(where, "class", isWell ? null : "warn");
  };
  return {
    cells: [el("code", worker), el("span", { dir: "auto" }, node), mode, identity, version, since, flight],
    show(of) {
      told(mode, of.mode, of.mode === "enforce", MODES[of.mode] ?? "");
      say(identity, of.identity);
      told(version, of.version, of.version === of.ours, "not this release");
      renew(since, time(of.since), el("span.muted", `, ${ago(of.since, of.now)}`));
      say(flight, count(of.in_flight));
    },
  };
}
