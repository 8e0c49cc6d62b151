// The same question for a terminal. A token is never in it: it names where the shell has one.

import { parameters, path } from "../../api/client.js";
import { token } from "../../api/token.js";
import { copyButton } from "../../parts/copy.js";
import { el, say } from "../../parts/element.js";
import { panel } from "../../parts/shapes.js";

export function commands() {
  const curl = el("code");
  const flowguard = el("code");
  const hint = el("p.hint.muted");
  const node = panel("commands", "From a terminal", null, one("curl", curl), one("flowguard", flowguard), hint);
  return {
    node,
    show(question) {
      node.hidden = !question.client;
      if (node.hidden) return;
      say(curl, asCurl(question));
      say(flowguard, asFlowguard(question));
      say(hint, token() ? "The token: curl takes it from FLOWGUARD_TOKEN, flowguard from the file in FLOWGUARD_TOKEN_FILE." : "");
    },
  };
}

const one = (name, code) => el("div.command",
  el("pre", { tabindex: "0", "aria-label": `The same as ${name}` }, code), copyButton(`Copy as ${name}`, code));

/** A command on one line, or, where that is long, each part on its own. */
function command(parts) {
  const line = parts.join(" ");
  return line.length > 60 ? parts.join(" \\\n  ") : line;
}

function asCurl({ client, model, tokens }) {
  const url = `${location.origin}${path("clients", client, "explain")}${parameters({ model, tokens })}`;
  return token() ? command(['curl -H "Authorization: Bearer $FLOWGUARD_TOKEN"', quoted(url)]) : `curl ${quoted(url)}`;
}

function asFlowguard({ client, model, tokens }) {
  const flags = [["model", model], ["tokens", tokens]].filter(([, value]) => value !== "")
    .map(([name, value]) => `--${name}=${quoted(value)}`);
  // An id may begin like a flag: behind `--` nothing is one.
  const id = client.startsWith("-") ? `-- ${quoted(client)}` : quoted(client);
  return command([`flowguard explain --server=${quoted(location.origin)}`, ...flags, id]);
}

/** A word of a shell that is nothing but itself. */
const quoted = (text) => (/^[\w.:@/-][\w.:@+=/,-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
