// Nobody leaves what is not saved without being asked. One screen at a time can be held: there is one.

import { ended } from "../base/while.js";
import { dialog } from "./dialog.js";
import { el } from "./element.js";

let holds = () => false;

/** Whether the screen stays though there is another address. */
export const isHeld = () => holds();

/** Asks before this address is left while `unsaved()`; `discard()` is told when that is wanted. */
export function guard({ unsaved, discard, signal }) {
  const here = location.href;
  let depth = history.length;
  let asking = false;
  let leave;

  holds = () => {
    if (location.href === here) return true;
    if (!unsaved()) return false;
    const there = location.hash;
    // A link made an entry, which is taken again. Whoever went back gets one in place of those ahead, and leaves by
    // going back once more.
    const isLink = history.length !== depth;
    history[isLink ? "replaceState" : "pushState"](null, "", here);
    leave = isLink ? () => location.replace(there) : () => history.back();
    depth = history.length;
    if (!asking) ask();
    return true;
  };
  const ask = async () => {
    asking = true;
    const leaves = await dialog({
      title: "Leave without saving?", body: el("p", "What was changed here is not saved yet."),
      yes: "Discard changes", no: "Stay", danger: true, signal,
    });
    asking = false;
    if (!leaves) return;
    discard();
    leave();
  };
  window.addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); }, { signal });
  ended(signal, () => { holds = () => false; });
}
