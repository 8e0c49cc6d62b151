// Asks for a token where the API wants one, and where the reader has one.

import { dialog } from "../parts/dialog.js";
import { el } from "../parts/element.js";
import { token, tokenWanted, useToken } from "../api/token.js";

/** What a header can carry: a token has nothing else. */
const TOKEN = /^[!-~]*$/;

let asking = false;

/** Asks once, however many calls were refused, and says `why`. */
export async function askForToken(why) {
  if (asking) return;
  asking = true;
  const field = el("input", {
    type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true,
    oninput: () => field.setCustomValidity(TOKEN.test(field.value.trim()) ? "" : "This is no whole token. Copy it once more."),
  });
  const chosen = await dialog({
    title: "Token", yes: "Use it", more: token() && ["forget", "Forget it"],
    body: [
      why && el("p.bad", why), el("label", { for: "token" }, "Token of the control plane"), field,
      el("p.muted", "It begins with fga_. This tab keeps it until it is closed, and sends it to this address alone."),
    ],
  });
  asking = false;
  if (!chosen) return;
  useToken(chosen === "forget" ? undefined : field.value.trim());
  // The screen is another one now. What had the focus before the question may have gone with the old one.
  if (document.activeElement === document.body) document.querySelector("#screen h1")?.focus();
}

/** What the API says to programs, for people. */
const told = ({ code, message }) => (code === "missing_token"
  ? `This control plane wants a token${/ with the scope \w+/.exec(message) ?? ""}.` : `Not accepted: ${message}.`);

tokenWanted.listen((error) => askForToken(told(error)));
