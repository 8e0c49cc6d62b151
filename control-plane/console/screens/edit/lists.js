// All that is configured, a page at a time.

import { get, path } from "../../api/client.js";
import { address } from "../../base/address.js";
import { calmly } from "../../base/while.js";
import { whenWritten } from "../../live/written.js";
import { announce } from "../../parts/announce.js";
import { el, fill, say } from "../../parts/element.js";
import { keyed } from "../../parts/keyed.js";
import { count, counted } from "../../parts/number.js";
import { button, link, panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { together } from "../../parts/together.js";
import { KINDS } from "./kinds/all.js";
import { take } from "./memory.js";

const PAGE = 50;
const LARGEST_PAGE = 1_000;
/** A reader who types is not asked for after each key, and of many writes the list is read once. */
const PAUSE_MS = 250;
const TOGETHER_MS = 1_000;

export function openLists(root, signal) {
  const told = take("notice ");
  fill(root,
    el("h1", { tabindex: "-1" }, "Configure"), told && el("div.message.well", el("p", told.text)),
    el("div.lists", Object.values(KINDS).map((kind) => list(kind, signal))),
  );
  // The router announces the screen first.
  if (told) setTimeout(() => announce(told.text));
}

function list(kind, signal) {
  const { plural, heading, word } = kind;
  const field = el("input", {
    type: "search", id: `begin-${plural}`, autocomplete: "off", spellcheck: "false", placeholder: "Begins with",
    "aria-label": `${heading} whose names begin with`, oninput: calmly(PAUSE_MS, () => read(), signal),
  });
  const rows = el("ul.things", { "aria-label": heading });
  const state = place(heading.toLowerCase(), () => read());
  const shown = el("p.muted");
  const more = button("More", () => read({ further: true }), { hidden: true });
  const things = keyed(rows, ([name]) => name, ([name]) => row(kind, name));
  let all = [];
  let asked;
  let cursor;

  /** Reads anew so `many`, a page at least; or the next page. */
  async function read({ further, many = PAGE } = {}) {
    asked?.abort();
    asked = new AbortController();
    const mine = AbortSignal.any([signal, asked.signal]);
    const prefix = field.value.trim();
    const before = further ? all : [];
    const found = [...before];
    let next = further && cursor;
    try {
      do {
        const limit = Math.min(LARGEST_PAGE, Math.max(PAGE, many - found.length));
        const { data } = await get(path(plural), { query: { limit, prefix, cursor: next }, signal: mine });
        // Names that are numbers come first in an object, whatever their order was.
        found.push(...Object.entries(data[plural]).sort(([one], [other]) => (one < other ? -1 : 1)));
        next = data.next_cursor;
      } while (next && found.length < many);
      [all, cursor] = [found, next];
      things.show(all);
      state.read(!all.length && empty(prefix ? `No ${word} begins with “${prefix}”.` : `No ${word} is configured.`));
      say(shown, !all.length ? "" : cursor ? `The first ${count(all.length)}, and there are more` : counted(all.length, word));
      more.hidden = !cursor;
      if (further) rows.children[before.length]?.querySelector("a").focus();
    } catch (error) {
      if (!mine.aborted) state.failed(error);
    }
  }

  const again = together(TOGETHER_MS, () => read({ many: all.length }), signal);
  whenWritten((object) => object.startsWith(`${word}/`), again, signal);
  read();
  const make = el("a.button", { href: address(["edit", `new-${word}`]) }, `New ${word}`);
  return panel(`list-${plural}`, heading, el("div.actions", make), field, state.node, rows, el("div.foot", shown, more));
}

function row(kind, name) {
  const line = el("span.muted", { dir: "auto" });
  return { node: el("li", link(name, ["edit", kind.plural, name]), line), show: ([, config]) => say(line, kind.line(config)) };
}
