// Calls that come one upon the other are one.

import { ended } from "../base/while.js";

/** `act` once, `ms` after the first of several calls: however many more come, it is not put off. */
export function together(ms, act, signal) {
  let timer;
  ended(signal, () => clearTimeout(timer));
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      act();
    }, ms);
  };
}
