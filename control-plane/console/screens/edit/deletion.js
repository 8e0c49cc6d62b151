// What goes with a thing that is deleted, said before it is.

import { get, path } from "../../api/client.js";
import { dialog } from "../../parts/dialog.js";
import { el } from "../../parts/element.js";
import { count, counted } from "../../parts/number.js";
import { link } from "../../parts/shapes.js";

/** Answers whether it is to be deleted. */
export async function askDeletion({ kind: { plural, word }, name, base, edit, signal }) {
  const { takes, hindered = [] } = await SAID[plural](name, base.config, signal);
  const list = (items) => el("ul.takes", items.map((one) => el("li", one)));
  if (hindered.length) {
    const links = hindered.map((one) => link(one, ["edit", "limits", one]));
    const body = [el("p", "The model cannot be deleted while limits name it:"), list(links)];
    return dialog({ title: `${name} is in use`, body, no: "Close", signal });
  }
  const body = [
    el("p", "With it goes, for good:"), list(takes),
    edit.isChanged() && el("p.bad", "What you changed here is not saved, and is lost as well."),
  ];
  return dialog({ title: `Delete ${word} ${name}?`, body, yes: `Delete ${word}`, danger: true, signal });
}

const SAID = {
  async clients(name, config, signal) {
    const of = (part) => get(path("clients", name, part), { signal }).then(({ data }) => data);
    const [stats, keys, limits] = await Promise.all([
      // Who may not see keys is told that there may be some.
      of("stats"), of("keys").then((data) => data.count, () => undefined), limitsThat((match) => match.client === name, signal),
    ]);
    return { takes: [
      keys !== 0 && `${keys === undefined ? "its keys" : counted(keys, "key")}: whoever shows one is nobody`,
      config.identities?.length > 0 && `${counted(config.identities.length, "identity", "identities")} by which it is known`,
      "what is left of its limits, and what it owes: made anew, it begins full",
      `its statistics (${counted(stats.total_requests, "request")}, ${counted(stats.tokens_used, "token")})`,
      "its own limits: its requests are then treated like those of any id that nobody configured",
      limits.length > 0 && `not what names it as its client, and stays: ${limits.join(", ")}`,
    ].filter(Boolean) };
  },
  async limits(name, { mode }, signal) {
    const { data } = await get(path("limits", name, "stats"), { query: { limit: 100 }, signal });
    const many = `${count(data.buckets.length)}${data.next_cursor ? " or more" : ""}`;
    return { takes: [
      `what is spent of it, in ${many === "1" ? "its bucket" : `${many} buckets`}: a limit made anew begins full`,
      `its statistics (${counted(data.refused, "request")} refused, ${count(data.would_refuse)} that it would have refused)`,
      `the limit itself${mode ? ", which refuses nothing now" : ": what it refuses now passes as far as others let it"}`,
    ] };
  },
  async models(name, _, signal) {
    const hindered = await limitsThat((match) => match.model === name, signal);
    return { hindered, takes: ["its patterns: requests for these models are then for another model that matches, or for other"] };
  },
};

/** Names of limits; there are a thousand at most. */
async function limitsThat(is, signal) {
  const { data } = await get(path("limits"), { query: { limit: 1_000 }, signal });
  return Object.entries(data.limits).filter(([, limit]) => is(limit.match)).map(([name]) => name).sort();
}
