// Which model the request names whose limits are looked at: the one that the reader chose, which stands in the address,
// else one that the client uses.

import { address } from "../../base/address.js";
import { whenWritten } from "../../live/written.js";
import { el, say } from "../../parts/element.js";
import { models } from "../../parts/suggest.js";

const MODELS_MAX = 100;

/** A refusal among so many of the last decisions is what the reader came for. */
const FEW = 10;

/** `value()` is `undefined` until it is known, `text()` how the reader sees it; `onChange` is called when it is another one. */
export function modelChoice(known, chosen, onChange, signal) {
  const node = el("select", { "aria-label": "Model of the request", onchange: choose }, el("option", { value: "" }, "no model"));
  let isChosen = chosen !== null;
  let isKnown = isChosen;

  const option = (value) => [...node.options].find((one) => one.value === value) ?? node.appendChild(el("option", { value }, value));

  function choose() {
    isChosen = isKnown = true;
    history.replaceState(null, "", `${address(["clients", known.id])}?${new URLSearchParams({ model: node.value })}`);
    onChange();
  }

  // Whoever uses several by turns is asked about one of them.
  known.decided.listen((decisions) => {
    if (isChosen || (isKnown && (!decisions.length || decisions.some(({ model = "" }) => model === node.value)))) return;
    const refused = decisions.slice(0, FEW).find(({ verdict }) => verdict === "refused");
    option((refused ?? decisions[0])?.model ?? "").selected = true;
    isKnown = true;
    onChange();
  }, signal);

  if (isChosen) option(chosen).selected = true;
  // Without them there is what the client uses, and what the address says.
  const read = () => models("", MODELS_MAX).then((all) => { for (const { name, value } of all) say(option(value), name); }, () => {});
  read();
  whenWritten((object) => object.startsWith("model/"), read, signal);
  return { node, value: () => (isKnown ? node.value : undefined), text: () => node.selectedOptions[0].text };
}
