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
  setTimeout(resolve, ms);
  ended(signal, resolve);
});

/** `act`, of several calls within `ms` only the last one. */
export function calmly(ms, act, signal) {
  let timer;
  ended(signal, () => clearTimeout(timer));
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!signal?.aborted) act(...given); }, ms);
  };
}
