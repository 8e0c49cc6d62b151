// What an address of a screen looks like.

/** The address of a screen: `#/clients/a%2Fb`, with parameters behind it. */
export function address(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const rest = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${parts.map(segment).join("/")}${rest}`;
}

/** One segment, whatever is in it. Half a character, which an id may have, stands in no address. */
export const segment = (part) => encodeURIComponent(String(part).toWellFormed());

export function go(parts, query) {
  location.hash = address(parts, query);
}
