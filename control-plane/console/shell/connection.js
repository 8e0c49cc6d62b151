// Whether figures are live. While they are not, every screen stays readable, and says how old it is.

import { announce } from "../parts/announce.js";
import { el, fill, say } from "../parts/element.js";
import { time } from "../parts/time.js";
import { connection, feed } from "../live/feed.js";

export function connectionState() {
  const text = el("span", "Connecting");
  const badge = el("span.connection", { "data-state": "opening" }, el("span.dot", { "aria-hidden": "true" }), text);
  const banner = el("div.banner", { hidden: true });
  const show = () => {
    const { state, since, error, begins } = connection;
    badge.dataset.state = state;
    say(text, { opening: "Connecting", open: "Live", away: "Not live" }[state]);
    document.body.toggleAttribute("data-stale", state === "away");
    banner.hidden = state !== "away";
    if (state === "away") fill(banner, sentence(error), begins && [" Figures are from ", time(since, "clock"), "."]);
  };
  let wasAway = false;
  connection.changed.listen(({ state }) => {
    show();
    const isAway = state === "away";
    if (isAway !== wasAway) announce(isAway ? "The connection to the control plane is lost." : "Figures are live.");
    wasAway = isAway;
  });
  feed.ready.listen(({ replica, replicas }) => {
    badge.title = replicas > 1 ? `${replica}, one of ${replicas} control planes: figures are its own` : replica;
  });
  show();
  return { badge, banner };
}

function sentence(error) {
  if (error?.status === 401) return "This control plane wants a token.";
  if (error?.status === 403) return "The token in use may not follow events.";
  if (error?.code === "too_many_streams") return "The control plane has no room for another reader. Trying again.";
  if (error?.code === "stopping") return "The control plane is stopping. Trying again.";
  if (error?.status !== undefined) return `No events come: ${error.message}. Trying again.`;
  return "No connection to the control plane. Trying again.";
}
