// What goes on for as long as something is open, and ends with its signal.

export const ended = (signal, act) => signal?.addEventListener("abort", act, { once: true });

export function every(ms, act, signal) {
  const timer = setInterval(act, ms);
  ended(signal, () => clearInterval(timer));
}

/** Calls `act` with the width of `node`, and whenever that is another one. */
export function watchWidth(node, act, signal) {
  const sized = new ResizeObserver(([{ contentRect }]) => act(Math.round(contentRect.width)));
  sized.observe(node);
  ended(signal, () => sized.disconnect());
}

/** Waits so long, or until it ends. */
export const waited = (ms, signal) => new Promise((resolve) => {
  const done = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", done);
    resolve();
  };
  const timer = setTimeout(done, ms);
  ended(signal, done);
});

/** Calls `begin` when the page comes into sight, and `end` when it is left, or was out of sight for `ms`. */
export function whileSeen(ms, begin, end) {
  let isOn = false;
  let timer;
  const off = () => {
    if (isOn) end();
    isOn = false;
  };
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(off, ms);
    else if (!isOn) {
      isOn = true;
      begin();
    }
  };
  document.addEventListener("visibilitychange", look);
  // A page that was left may come back as it was.
  window.addEventListener("pagehide", off);
  window.addEventListener("pageshow", look);
  look();
}

/** `act`, of several calls within `ms` only the last one. */
export function calmly(ms, act, signal) {
  let timer;
  ended(signal, () => clearTimeout(timer));
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!signal?.aborted) act(...given); }, ms);
  };
}
