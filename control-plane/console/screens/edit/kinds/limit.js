// A limit beside clients' own.

import { choiceField, textField } from "../../../parts/form.js";
import { amount } from "../../../parts/rule.js";
import * as rules from "../../../parts/rules.js";
import { ids, known, models } from "../../../parts/suggest.js";
import { standing } from "../standing.js";

const WORDS = ["client", "group", "plan", "model"];
const MEASURES = ["requests", "tokens", "concurrent"];
const WINDOWS = ["1s", "30s", "1m", "1h", "12h", "1d", "7d", "31d"];

const named = async (prefix) =>
  [...(await models(prefix)).map(({ name }) => name), "other"].filter((name) => name.startsWith(prefix));

const isWindow = ({ measure }) => measure !== "concurrent";

function match(word, label, find, hint, rule) {
  return textField({
    key: `match.${word}`, label, find, hint, optional: true,
    rule: (text) => (text === null ? undefined : text === "" ? "Say which one, or take the tick away." : rule(text)),
  });
}

export const limit = {
  word: "limit", plural: "limits", heading: "Limits",
  naming: { label: "Name", rule: rules.limitName, hint: `${rules.LIMIT_HINT}. It cannot be changed later.` },

  fields: () => [
    choiceField({ key: "measure", label: "What it counts", rule: (value) => (value ? undefined : "Choose one of them."),
      choices: [["requests", "Requests in a time"], ["tokens", "Tokens in a time"], ["concurrent", "Requests at a time"]] }),
    textField({ key: "amount", label: "How many", numeric: true, width: "short", rule: rules.integer({ required: true }) }),
    textField({ key: "per", label: "In which time", width: "short", hint: "From 1s to 31d, such as 30s, 1m, 12h or 1d.",
      find: async (text) => WINDOWS.filter((window) => window.startsWith(text)),
      rule: (text, values) => (isWindow(values) ? rules.per(text) : undefined) }),
    textField({ key: "burst", label: "At most at once", numeric: true, width: "short", empty: "all of it",
      hint: "What a full bucket holds. Empty: all of it.",
      rule: (text, { amount: all }) => rules.integer({ most: Number(all) || undefined })(text) }),
    match("client", "One client", ids, "Its id, or unknown for all ids that nobody configured.", rules.matchedClient),
    match("group", "One group", known("group"), "And all beneath it.", rules.group),
    match("plan", "One plan", known("plan"), undefined, rules.name),
    match("model", "One model", named, "A configured one, or other for all the rest.", rules.matchedModel),
    choiceField({ key: "each", label: "A bucket of its own for each", many: true, choices: WORDS.map((word) => [word, word]),
      text: (list) => list.join(", ") || "one bucket for all",
      hint: "With several, for each combination. With none, all share one bucket." }),
    choiceField({ key: "mode", label: "Mode", choices: [
      ["enforce", "Enforce", "Requests that do not fit are refused."],
      ["shadow", "Shadow", "They are counted as such, and pass."],
      ["off", "Off", "Nothing is counted or refused."],
    ] }),
    textField({ key: "trial", label: "Number on trial", numeric: true, width: "short", rule: rules.integer(),
      hint: "A second number, tried in shadow: statistics say how often it would have refused. Empty: none." }),
  ],
  groups: { prefix: "match.", legend: "For which requests",
    hint: "All that are given must hold. With none it is for every request." },

  fresh: { match: {}, requests: 1_000, per: "1h" },
  values(config) {
    const measure = MEASURES.find((word) => config[word] !== undefined);
    const matches = WORDS.map((word) => [`match.${word}`, config.match[word] ?? null]);
    return {
      measure, amount: String(config[measure]), per: config.per ?? "", burst: String(config.burst ?? ""),
      ...Object.fromEntries(matches), each: config.each ?? [], mode: config.mode ?? "enforce", trial: String(config.trial ?? ""),
    };
  },
  config(values) {
    const { measure, amount: all, per, burst, each, mode, trial } = values;
    const matches = WORDS.filter((word) => values[`match.${word}`] !== null).map((word) => [word, values[`match.${word}`]]);
    return {
      match: Object.fromEntries(matches), ...(each.length && { each }), [measure]: Number(all),
      ...(isWindow(values) && { per, ...(burst && { burst: Number(burst) }) }),
      ...(mode !== "enforce" && { mode }), ...(trial && { trial: Number(trial) }),
    };
  },
  /** Places that come back have no time in which they refill. */
  settle(values, field) {
    for (const key of ["per", "burst"]) field(key).node.hidden = !isWindow(values);
  },

  line(config) {
    const measure = MEASURES.find((word) => config[word] !== undefined);
    const said = amount({ measure, limit: config[measure], per: config.per, burst: config.burst ?? config[measure] });
    const who = WORDS.filter((word) => config.match[word] !== undefined).map((word) => `${word} ${config.match[word]}`).join(", ");
    const mode = { shadow: "in shadow", off: "off" }[config.mode];
    return [said, who || "every request", config.each && `each ${config.each.join(", ")}`, mode].filter(Boolean).join(" · ");
  },
  suppose: (name, config) => ({ limit: { name, ...config } }),
  standing,
  /** Its number is a field of the API's by what it counts. */
  aliases: Object.fromEntries(MEASURES.map((word) => [word, "amount"])),
  regards: () => undefined,
};
