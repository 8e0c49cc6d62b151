// Who the client is, and what can be done with it.

import { call, path } from "../../api/client.js";
import { address } from "../../base/address.js";
import { announce } from "../../parts/announce.js";
import { confirm } from "../../parts/dialog.js";
import { el, renew, say } from "../../parts/element.js";
import { button, link } from "../../parts/shapes.js";
import { failed } from "../../parts/states.js";

export function header(known, signal) {
  const { id } = known;
  const tags = el("span.client-tags");
  const edit = el("a.button", { href: address(["edit", "clients", id]) }, "Edit");
  const explain = el("a.button", { href: address(["explain"], { client: id }) }, "Explain");
  const resetting = button("Reset buckets …", reset, { hidden: true });
  const note = el("div.client-note", { hidden: true });

  known.changed.listen(() => {
    const { config, isConfigured, wrong, error } = known;
    renew(tags, config && [
      el("span.tag", config.group ? ["group ", el("bdi", config.group)] : "in no group"),
      el("span.tag", config.plan ? ["plan ", el("bdi", config.plan)] : "on no plan"),
      config.enabled ? el("span.badge.plain", "enabled") : el("span.badge.bad", "limits off"),
    ]);
    resetting.hidden = !isConfigured;
    edit.hidden = id === "unknown" || wrong !== undefined;
    explain.hidden = wrong !== undefined;
    say(edit, isConfigured === false ? "Configure it" : "Edit");
    // Of what was read once the stream says that it is old.
    const isTold = error && (error.status > 0 || known.isNothing());
    renew(note, wrong ? [el("p", el("b", "No client can have this id.")), el("p", wrong.message), el("p", link("All clients", []))]
      : isConfigured === false ? unconfigured(id) : isTold && failed(error, known.again));
    note.hidden = !note.firstChild;
  }, signal);

  async function reset() {
    await confirm({
      title: "Reset the buckets?", yes: "Reset buckets", signal,
      body: [
        el("p", "The client's own buckets, rpm and tpm, are filled, and what it owes is forgotten."),
        el("p.muted", "What was counted stays, and so does what was spent of all other limits."),
      ],
      async act() {
        await call("POST", path("clients", id, "reset"));
        announce("The buckets are full.");
        known.again();
      },
    });
  }

  const heading = el("h1", { tabindex: "-1", dir: "auto" }, id);
  return el("div", el("div.heading", heading, tags, el("div.actions", edit, explain, resetting)), note);
}

function unconfigured(id) {
  if (id === "unknown") {
    return el("p", el("b", "All ids that nobody configured, together."), " What is told here is of all of them.");
  }
  return el("p", el("b", "Nobody configured this id."),
    " Figures, decisions and the last hour are those of all such ids together, ", link("unknown", ["clients", "unknown"]), ".");
}
