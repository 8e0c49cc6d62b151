// What the reader chooses of the list: it stays while other screens are looked at, and the address has it.

import { address } from "../../base/address.js";
import { el, set } from "../../parts/element.js";
import { button, chips } from "../../parts/shapes.js";
import { GROUPS, KINDS, ORDERS } from "./chosen.js";

const FIRST = { text: "", kind: "all", order: "refused", group: "none" };
const value = { ...FIRST };

/** What an address may say of each. */
const WORDS = { kind: KINDS, order: ORDERS, group: GROUPS };

function chosenBy(query) {
  if (![...query.keys()].length) return;
  for (const name of Object.keys(FIRST)) {
    const said = query.get(name);
    const isKnown = said !== null && (name === "text" || Object.hasOwn(WORDS[name], said));
    value[name] = isKnown ? said : FIRST[name];
  }
}

/** The address follows without another screen; what is as ever it does not say. */
function told() {
  const chosen = Object.entries(value).filter(([name, word]) => word !== FIRST[name]);
  const where = address([], Object.fromEntries(chosen));
  if (where !== (location.hash || "#/")) history.replaceState(null, "", where);
}

export function controls({ query, onChange, onPause }) {
  chosenBy(query);
  told();
  const text = el("input", {
    type: "search", id: "filter", value: value.text, placeholder: "Id, group or plan", autocomplete: "off", spellcheck: "false",
    "aria-label": "Filter by id, group or plan", oninput: () => change("text", text.value),
  });
  const options = Object.entries(KINDS).map(([name, kind]) => [name, kind.text]);
  const kinds = chips("Which clients", options, value.kind, (name) => change("kind", name));
  const group = choice("Group", GROUPS, "group");
  const pause = button("Pause", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    set(pause, "aria-pressed", `${paused}`);
    onPause(paused);
  }, { "aria-pressed": "false" });

  function change(name, chosen) {
    value[name] = chosen;
    told();
    onChange();
  }

  function choice(words, all, name) {
    return el("label.choice", words, el("select", { onchange: (event) => change(name, event.target.value) },
      Object.entries(all).map(([key, one]) => el("option", { value: key, selected: key === value[name] }, one.text))));
  }

  return {
    node: el("div.controls", { role: "group", "aria-label": "What is shown" },
      text, kinds.node, choice("Sort", ORDERS, "order"), group, pause),
    value,
    /** Choices of which there is nothing to choose are not there. */
    offer(clients) {
      group.hidden = value.group === "none" && ![...clients.values()].some((client) => client.group || client.plan);
    },
    clear() {
      text.value = value.text = FIRST.text;
      kinds.choose(FIRST.kind);
      told();
    },
  };
}
