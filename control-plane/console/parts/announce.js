// A sentence for those who hear the page. One at a time, the last one counts: a live region that chatters is not read.

import { say } from "./element.js";

export function announce(text) {
  say(document.getElementById("polite"), text);
}
