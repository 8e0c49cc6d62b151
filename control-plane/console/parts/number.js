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

/** A part of a whole, `37 %`; below one per cent but not nothing is `< 1 %`. */
export function percent(part) {
  const hundredths = part * 100;
  if (hundredths > 0 && hundredths < 1) return "< 1 %";
  return `${count(Math.floor(hundredths))} %`;
}

/** How long something takes: `12 ms`, `1.234 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function duration(ms) {
  if (ms < 1_000) return `${count(Math.ceil(ms))} ms`;
  if (ms < 60_000) return `${(Math.ceil(ms) / 1_000).toFixed(3).replace(/\.?0+$/, "")} s`;
  const [great, small, by] =
    ms < 3_600_000 ? ["min", "s", 60_000] : ms < 86_400_000 ? ["h", "min", 3_600_000] : ["d", "h", 86_400_000];
  const parts = { min: 60, h: 60, d: 24 }[great];
  const all = Math.round((ms / by) * parts);
  const rest = all % parts;
  return `${Math.floor(all / parts)} ${great}${rest ? ` ${rest} ${small}` : ""}`;
}

/** What is left of a wait: like a duration, but every digit keeps its place while it counts. */
export function remaining(ms) {
  if (ms <= 0) return "0 ms";
  return ms < 1_000 || ms >= 60_000 ? duration(ms) : `${(Math.ceil(ms) / 1_000).toFixed(3)} s`;
}
