// Asks for a token where the API wants one, and where the reader has one.

import { dialog } from "../parts/dialog.js";
import { el } from "../parts/element.js";
import { token, tokenWanted, useToken } from "../api/token.js";

let asking = false;

/** Asks once, however many calls were refused, and says `why`. */
export async function askForToken(why) {
  if (asking) return;
  asking = true;
  const field = el("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true });
  const chosen = await dialog({
    title: "Token", yes: "Use it", more: token() && ["forget", "Forget it"],
    body: [
      why && el("p.bad", why), el("label", { for: "token" }, "Token of the control plane"), field,
      el("p.muted", "It begins with fga_. This tab keeps it until it is closed, and sends it to this address alone."),
    ],
  });
  asking = false;
  if (chosen) useToken(chosen === "forget" ? undefined : field.value.trim());
}

tokenWanted.listen((error) => askForToken(error.message));
