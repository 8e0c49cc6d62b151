// What was written anew, by whomever.

import { connection, feed } from "./feed.js";

/** Calls `act` when an object that `isOf` is written, and when any may have been: with all of it, or while nobody listened. */
export function whenWritten(isOf, act, signal) {
  feed.config.listen(({ object = "configuration" }) => { if (object === "configuration" || isOf(object)) act(); }, signal);
  for (const topic of [feed.configuration, feed.lagged]) topic.listen(() => act(), signal);
  connection.changed.listen(({ state }) => { if (state === "open") act(); }, signal);
}
