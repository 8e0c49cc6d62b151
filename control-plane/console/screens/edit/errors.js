// The API says all that is wrong in one sentence. Here it is taken apart, so that each part stands beside its field.

/** `{ wrong: Map of texts by key, rest: [texts] }`, of what `message` says to the fields of `kind`. */
export function takenApart(message, kind, keys) {
  const wrong = new Map();
  const rest = [];
  const names = [...keys, ...Object.keys(kind.aliases ?? {})].map((key) => key.replace(".", "\\."));
  const next = new RegExp(`; (?=(?:${names.join("|")}|client_id|name)(?:\\[\\d+\\])? |"[^"]*" is not a field|and \\d+ more$)`);
  for (const part of message.split(next)) {
    const [, name, item, text] = /^([a-z_.]+)(?:\[(\d+)\])? (.*)$/s.exec(part) ?? [];
    const named = kind.aliases?.[name] ?? (name === "client_id" && !keys.includes(name) ? "name" : name);
    const key = keys.includes(named) ? named : kind.regards(part);
    const said = sentence(key !== named ? part : item === undefined ? text : `Entry ${Number(item) + 1} ${text}`);
    if (key) wrong.set(key, wrong.has(key) ? `${wrong.get(key)} ${said}` : said);
    else rest.push(sentence(part));
  }
  return { wrong, rest };
}

export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
