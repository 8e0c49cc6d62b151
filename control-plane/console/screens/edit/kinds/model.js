// A model: which names of models are meant by it.

import { get, path } from "../../../api/client.js";
import { textField } from "../../../parts/form.js";
import * as rules from "../../../parts/rules.js";

export const model = {
  word: "model", plural: "models", heading: "Models",
  naming: { label: "Name", rule: rules.name, hint: `${rules.NAME_HINT}. It cannot be changed later.` },

  fields: () => [
    textField({ key: "patterns", label: "Patterns", lines: 6, trim: true,
      rule: rules.lines(rules.pattern, { least: 1, most: 64, same: (line) => line.toLowerCase() }),
      hint: "One a line, up to 64. * stands for any run of characters, and letters are compared without case. Of several models "
        + "a name is of the one that has it without *, then of the one whose pattern has the most other characters." }),
  ],

  fresh: [],
  values: (config) => ({ patterns: config }),
  config: ({ patterns }) => patterns,
  settle() {},

  line: (config) => config.join("  "),
  /** A preview takes a model as part of all that is configured; keys and tokens, which it may not see, are left out. */
  async suppose(name, patterns, signal) {
    const { data } = await get(path("config"), { signal });
    const { keys, tokens, ...config } = data;
    return { config: { ...config, models: { ...config.models, [name]: patterns } } };
  },
  note: "All is supposed as it is configured now, so that other changes in that time count as well.",
  regards: (message) => (message.startsWith("the pattern") ? "patterns" : undefined),
};
