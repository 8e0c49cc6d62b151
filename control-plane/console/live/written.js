// What was written anew, by whomever.

import { feed, missed } from "./feed.js";

/** The object of a write that may be of everything: a document that was applied, a file, another control plane's. */
export const EVERYTHING = "configuration";

/** Calls `act` when an object that `isOf` is written, and when any may have been: with all of it, or while nobody listened. */
export function whenWritten(isOf, act, signal) {
  feed.config.listen(({ object }) => { if (object === EVERYTHING || isOf(object)) act(); }, signal);
  missed.listen((topics) => { if (topics.includes("config")) act(); }, signal);
}
