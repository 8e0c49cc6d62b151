// Numbers as people read them. Figures of one column have one form, so that they can be compared.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const tenth = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** `1,234,567`; debt has a real minus. */
export const count = (number) => whole.format(number).replace("-", "−");

/** `1.2M`, where there is no room for more. */
export const brief = (number) => (Math.abs(number) < 10_000 ? count(number) : short.format(number).replace("-", "−"));

/** A rate: `0`, `0.4`, `12.5`, `1,204`. */
export function rate(perSecond) {
  if (perSecond === 0) return "0";
  return perSecond < 100 ? tenth.format(Math.max(perSecond, 0.1)) : brief(perSecond);
}

/** `1 request`, `2 requests`. */
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A part of a whole, `37.4 %`. What is little is not nothing, and nearly all is not all. */
export function percent(part) {
  if (part === 0 || part === 1) return `${part * 100} %`;
  return part < 0.001 ? "< 0.1 %" : `${tenth.format(Math.min(part * 100, 99.9))} %`;
}

/** Two units together: how long the small one is, how many of it are a great one, and below how many both are used. */
const LONG = [["min", "s", 1_000, 60, 3_600], ["h", "min", 60_000, 60, 1_440], ["d", "h", 3_600_000, 24, Infinity]];

/** How long something takes: `12 ms`, `1.234 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function duration(ms) {
  if (ms < 1_000) return `${count(Math.max(0, Math.ceil(ms)))} ms`;
  if (ms < 60_000) return `${(Math.ceil(ms) / 1_000).toFixed(3).replace(/\.?0+$/, "")} s`;
  const [great, small, by, parts] = LONG.find(([, , one, , most]) => Math.round(ms / one) < most);
  const all = Math.round(ms / by);
  const rest = all % parts;
  return `${Math.floor(all / parts)} ${great}${rest ? ` ${rest} ${small}` : ""}`;
}

/** What is left of a wait: like a duration, but every digit keeps its place while it counts. */
export function remaining(ms) {
  return ms < 1_000 || ms >= 60_000 ? duration(ms) : `${(Math.ceil(ms) / 1_000).toFixed(3)} s`;
}
