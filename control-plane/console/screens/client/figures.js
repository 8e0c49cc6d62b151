// What the client does this moment.

import { every } from "../../base/while.js";
import { changed, clients, rates, refusedBy } from "../../live/clients.js";
import { shownAt } from "../../live/feed.js";
import { el, say } from "../../parts/element.js";
import { count, rate } from "../../parts/number.js";
import { figures as boxes } from "../../parts/shapes.js";
import { sparkline } from "../../parts/sparkline.js";

const DRAW_MS = 500;

const KINDS = [
  ["requests", "Requests a second"], ["tokens", "Tokens a second"], ["flight", "In flight"], ["refused", "Refused a second"],
];

const NOTHING = { inFlight: 0, refusedAt: -Infinity };

export function figures(known, signal) {
  const by = el("span.figures-by");
  const spark = sparkline();
  const all = boxes("This moment", KINDS, el("div.figures-minute", el("dt", "Last minute"),
    el("dd", spark.node, el("span.unseen", "a picture of the figures beside it"))));
  all.node.classList.add("figures");
  all.values.refused.after(by);

  function draw() {
    const now = shownAt();
    const client = clients.get(known.as()) ?? NOTHING;
    const { requests, tokens, refused } = rates(client, now);
    all.show("requests", rate(requests));
    all.show("tokens", rate(tokens));
    all.show("flight", count(client.inFlight));
    all.show("refused", rate(refused), refused > 0);
    const names = refusedBy(client, now).slice(0, 3).join(", ");
    say(by, names && `${refused > 0 ? "" : "of late "}by ${names}`);
    spark.show(client.minute, now);
  }

  every(DRAW_MS, draw, signal);
  changed.listen(draw, signal);
  draw();
  return all.node;
}
