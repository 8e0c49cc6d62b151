// Which screen is shown: what stands behind `#` says it, so that every view can be sent to somebody.

import { tokenChanged } from "../api/token.js";
import { Topic } from "../base/topic.js";
import { announce } from "../parts/announce.js";
import { el, fill } from "../parts/element.js";
import { isHeld } from "../parts/leaving.js";
import { link } from "../parts/shapes.js";
import { failed } from "../parts/states.js";
import * as client from "../screens/client/index.js";
import * as edit from "../screens/edit/index.js";
import * as events from "../screens/events/index.js";
import * as explain from "../screens/explain/index.js";
import * as now from "../screens/now/index.js";
import * as system from "../screens/system/index.js";

/** The screens by the first part of their addresses: `title(parts)` and `open(root, { parts, query, signal })`. */
const SCREENS = { "": now, clients: client, explain, edit, events, system };

const NONE = {
  title: () => "No such page",
  open: (root) => fill(root, el("h1", { tabindex: "-1" }, "No such page"), el("p", link("All clients", []))),
};

/** Told with the first part of the address when another screen is shown. */
export const screenChanged = new Topic();

export function route(root) {
  let shown;
  const show = (byReader) => {
    shown?.abort();
    shown = new AbortController();
    const { parts: [name = "", ...parts], query } = read(location.hash);
    const screen = Object.hasOwn(SCREENS, name) ? SCREENS[name] : NONE;
    let title;
    fill(root);
    try {
      title = screen.title(parts);
      screen.open(root, { parts, query, signal: shown.signal });
    } catch (error) {
      fill(root, failed(error));
      throw error;
    }
    document.title = `${title} · FlowGuard`;
    screenChanged.tell(name);
    if (!byReader) return;
    window.scrollTo(0, 0);
    (root.querySelector("h1") ?? root).focus({ preventScroll: true });
    announce(title);
  };
  window.addEventListener("hashchange", () => { if (!isHeld()) show(true); });
  tokenChanged.listen(() => show(false));
  show(false);
}

function read(hash) {
  const [where, query] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { parts: where ? where.split("/").map(part) : [], query: new URLSearchParams(query) };
}

function part(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
