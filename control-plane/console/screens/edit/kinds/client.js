// A client, as it is configured.

import { textField, tickField } from "../../../parts/form.js";
import { units } from "../../../parts/rule.js";
import * as rules from "../../../parts/rules.js";
import { known } from "../../../parts/suggest.js";

const optional = (rule) => (text) => (text === "" ? undefined : rule(text));

const NUMBERS = { numeric: true, width: "short", rule: rules.integer(), empty: "no limit", hint: "Empty: no limit." };

export const client = {
  word: "client", plural: "clients", heading: "Clients",
  naming: { label: "Id", rule: rules.clientId, hint: `${rules.ID_HINT}. It cannot be changed later.` },

  fields: () => [
    textField({ key: "rpm", label: "Requests a minute", ...NUMBERS }),
    textField({ key: "tpm", label: "Tokens a minute", ...NUMBERS }),
    tickField({ key: "enabled", label: "These two limits are in force",
      hint: "Without the tick requests are counted, and none is refused by them." }),
    textField({ key: "group", label: "Group", rule: optional(rules.group), find: known("group"),
      hint: "Up to four names with / between, such as research/vision. Limits of research are for it too. Empty: in none." }),
    textField({ key: "plan", label: "Plan", rule: optional(rules.name), find: known("plan"), hint: "One name. Empty: on none." }),
    textField({ key: "min_estimate", label: "Minimum estimate", ...NUMBERS, rule: rules.integer({ least: 0 }),
      empty: "as set for all", hint: "Tokens that a request reserves at least. Empty: as set for all." }),
    textField({ key: "identities", label: "Identities", lines: 3, rule: rules.lines(rules.identity, { most: 16 }),
      hint: "What its verified requests are known by, one a line, up to 16. With some it is reached by these alone." }),
  ],

  fresh: { rpm: 60, tpm: 1_000, enabled: true },
  values: ({ rpm, tpm, enabled, group = "", plan = "", min_estimate: least, identities = [] }) => ({
    rpm: text(rpm), tpm: text(tpm), enabled: enabled !== false, group, plan, min_estimate: text(least), identities,
  }),
  config({ rpm, tpm, enabled, group, plan, min_estimate: least, identities }) {
    const number = (given) => (given === "" ? null : Number(given));
    return {
      rpm: number(rpm), tpm: number(tpm), enabled, ...(group && { group }), ...(plan && { plan }),
      ...(least !== "" && { min_estimate: Number(least) }), ...(identities.length && { identities }),
    };
  },
  settle() {},

  line({ rpm, tpm, enabled, group, plan }) {
    const figures = [rpm && `${units(rpm, "requests")}/min`, tpm && `${units(tpm, "tokens")}/min`].filter(Boolean);
    return [figures.join(", ") || "no limits", enabled === false && "limits off", group, plan].filter(Boolean).join(" · ");
  },
  suppose: (name, config) => ({ client: { client_id: name, ...config } }),
  /** What an error of the API is about that does not begin with a field's name. */
  regards: (message) => (message.startsWith("the identity ") ? "identities" : undefined),
};

const text = (number) => String(number ?? "");
