// Nobody leaves what is not saved without being asked. One screen at a time can be held: there is one.

import { dialog } from "./dialog.js";
import { el } from "./element.js";
import { ended } from "./while.js";

let holds = () => false;

/** Whether the screen stays though there is another address. */
export const isHeld = () => holds();

/** Asks before this address is left while `unsaved()`; `discard()` is told when that is wanted. */
export function guard({ unsaved, discard, signal }) {
  const here = location.href;
  let depth = history.length;
  let asking = false;

  holds = () => {
    if (location.href === here) return true;
    if (!unsaved()) return false;
    const there = location.hash;
    // A link made an entry, which is taken again; whoever went back gets one in place of those ahead.
    history[history.length === depth ? "pushState" : "replaceState"](null, "", here);
    depth = history.length;
    if (!asking) ask(there);
    return true;
  };
  const ask = async (there) => {
    asking = true;
    const body = el("p", "What was changed here is not saved yet.");
    const leaves = await dialog({ title: "Leave without saving?", body, signal, yes: "Discard changes", no: "Stay", danger: true });
    asking = false;
    if (!leaves) return;
    discard();
    location.hash = there;
  };
  window.addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); }, { signal });
  ended(signal, () => { holds = () => false; });
}
