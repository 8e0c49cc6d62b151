// Every change, the newest first.

import { go } from "../../base/address.js";
import { announce } from "../../parts/announce.js";
import { el, say } from "../../parts/element.js";
import { keyed } from "../../parts/keyed.js";
import { counted } from "../../parts/number.js";
import { button, link, panel } from "../../parts/shapes.js";
import { empty, place } from "../../parts/states.js";
import { SHOWN_MAX } from "./audit.js";
import { change } from "./change.js";

/** `audit` is what is shown, `object` what it is about; nothing: all. */
export function changes(audit, object, signal) {
  const list = el("ol.changes", { "aria-label": object ? `Changes of ${object}` : "Changes" });
  const state = place("changes", () => audit.read());
  const many = el("p.muted");
  const more = button("Older changes", older, { hidden: true });
  let newest;
  let isReading = false;
  const isNew = ({ id }) => newest !== undefined && id > newest;
  const rows = keyed(list, ({ id, time }) => `${id} ${time}`, (entry) => change(object !== undefined, isNew(entry), signal));

  function show() {
    const { entries, done, error, cursor, unreadable } = audit;
    const fresh = entries.filter(isNew).length;
    if (done) state.read(!entries.length && nothing());
    if (error) state.failed(error);
    rows.show(entries);
    if (fresh) announce(`${counted(fresh, "new change")}.`);
    if (done && !error) newest = entries[0]?.id ?? 0;
    const isFull = entries.length >= SHOWN_MAX;
    more.hidden = !cursor || isFull;
    say(many, [
      entries.length && counted(entries.length, "change"), isFull && cursor && "older ones with the filter above",
      entries.length && !cursor && "all that are kept",
      unreadable && `${unreadable} between these are of another version, which this one cannot read`,
    ].filter(Boolean).join("; "));
  }

  const nothing = () => (object ? empty(`Nothing is known of changes of ${object}.`, all()) : empty("Nothing was changed yet."));

  async function older() {
    if (isReading) return;
    isReading = true;
    say(more, "Reading …");
    const last = list.lastElementChild;
    try {
      await audit.older();
      last?.nextElementSibling?.querySelector("summary, a, button")?.focus();
    } catch (error) {
      state.failed(error);
    }
    isReading = false;
    say(more, "Older changes");
  }

  audit.changed.listen(show, signal);
  return panel("changes-title.events-changes", "Changes", filter(object), state.node, list, many, more);
}

const all = () => link("All changes", ["events"]);

/** One object alone, which stays in the address. */
function filter(object = "") {
  const field = el("input", {
    type: "search", id: "of-object", value: object, placeholder: "client/acme", autocomplete: "off", spellcheck: "false",
    dir: "auto", "aria-describedby": "of-object-hint",
  });
  const onsubmit = (event) => {
    event.preventDefault();
    go(["events"], { object: field.value.trim() || undefined });
  };
  return el("form.events-filter", { role: "search", onsubmit },
    el("label", { for: "of-object" }, "Of one object"), field, el("button", "Show"), object && all(),
    el("p.muted", { id: "of-object-hint" },
      "client/ID, limit/NAME, model/NAME, key/CLIENT/PUBLIC PART, token/PUBLIC PART or configuration"));
}
