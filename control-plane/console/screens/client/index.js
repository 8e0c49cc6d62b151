// One client: what it does, what holds it, what was decided of late, and its keys.

import { whenWritten } from "../../live/written.js";
import { el } from "../../parts/element.js";
import { link } from "../../parts/shapes.js";
import { decisions } from "./decisions.js";
import { facts } from "./facts.js";
import { figures } from "./figures.js";
import { header } from "./header.js";
import { hour } from "./hour.js";
import { keys } from "./keys.js";
import { limits } from "./limits.js";
import { standing } from "./standing.js";

export const title = ([id]) => id ?? "Client";

export function open(root, { parts: [id], query, signal }) {
  // An address with one of these as its part is another address.
  if (!id || id === "." || id === "..") {
    root.append(el("h1", { tabindex: "-1" }, "No client can have this id"), el("p", link("All clients", [])));
    return;
  }
  const known = standing(id, signal);
  const [head, live, ...rest] = [header, figures, limits, decisions, hour, facts, keys]
    .map((part) => part(known, signal, query));
  const body = el("div.client-body", el("div", rest.slice(0, 2)), el("div", rest.slice(2)));
  root.append(head, live, body);
  // Of an id that can be nobody's, and where nothing can be read, there is nothing else to be seen.
  known.changed.listen(() => { for (const node of [live, body]) node.hidden = known.isNothing(); }, signal);
  whenWritten((object) => object === `client/${id}`, known.written, signal);
}
