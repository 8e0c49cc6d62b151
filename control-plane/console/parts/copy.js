// A button that copies a text. Where the browser hands out no clipboard, the text is selected, for the keyboard to copy.

import { calmly } from "../base/while.js";
import { announce } from "./announce.js";
import { say } from "./element.js";
import { button } from "./shapes.js";

const SAID_MS = 2_000;

/** `source` is the node whose text is copied; `onCopied` is told when it is done. */
export function copyButton(words, source, onCopied = () => {}) {
  const node = button(words, async () => {
    const done = await copied(source);
    say(node, done ? "Copied" : "Press Ctrl+C");
    announce(done ? "Copied." : "The text is selected: press Ctrl+C.");
    back();
    if (done) onCopied();
  });
  const back = calmly(SAID_MS, () => say(node, words));
  return node;
}

/** A page that came over plain HTTP from another machine has no clipboard of the first kind. */
async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}
