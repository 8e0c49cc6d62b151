// The last minute in a line, refusals filled below it. It is a hint: the figures beside it say what it says.

import { SECONDS } from "../live/minute.js";
import { set, svg } from "./element.js";

const WIDTH = SECONDS;
const HEIGHT = 20;

export function sparkline() {
  const requests = svg("path.spark-line");
  const refused = svg("path.spark-refused");
  const node = svg(
    "svg.spark", { viewBox: `0 0 ${WIDTH - 1} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    refused, requests,
  );
  return {
    node,
    show(minute, now) {
      if (!minute) {
        set(requests, "d", "");
        set(refused, "d", "");
        return;
      }
      let most = 1;
      minute.each(now, (_, all) => { most = Math.max(most, all); });
      const y = (value) => (HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1);
      let line = "";
      let area = `M0 ${HEIGHT}`;
      minute.each(now, (index, all, denied) => {
        line += `${index ? "L" : "M"}${index} ${y(all)}`;
        area += `L${index} ${denied > 0 ? y(denied) : HEIGHT}`;
      });
      set(requests, "d", line);
      set(refused, "d", `${area}L${WIDTH - 1} ${HEIGHT}Z`);
    },
  };
}
