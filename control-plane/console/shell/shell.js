// The frame around every screen: where one can go, whether figures are live, and the reader's own choices.

import { el, say, set } from "../parts/element.js";
import { button } from "../parts/shapes.js";
import { chooseUtc, isUtc } from "../parts/time.js";
import { token, tokenChanged } from "../api/token.js";
import { connectionState } from "./connection.js";
import { screenChanged } from "./router.js";
import { chooseTheme, THEMES, theme } from "./theme.js";
import { askForToken } from "./token_dialog.js";

const PLACES = [["", "Now"], ["explain", "Explain"], ["edit", "Configure"], ["events", "Events"], ["system", "System"]];

export function shell(root) {
  const links = PLACES.map(([name, text]) => el("a", { href: `#/${name}`, "data-place": name }, text));
  const { badge, banner } = connectionState();
  const [tokens, sayToken] = choice(() => askForToken(), () => (token()
    ? ["Token set", "A token is in use: change or forget it"] : ["Token", "Use a token"]));
  const [zone] = choice(() => chooseUtc(!isUtc()), () => (isUtc()
    ? ["UTC", "Times are in UTC: show them in local time"] : ["Local time", "Times are local: show them in UTC"]));
  const [colours] = choice(() => chooseTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]),
    () => [theme(), `Colours: ${theme().toLowerCase()}`]);
  root.append(
    el("div.top",
      el("a.brand", { href: "#/" }, el("img", { src: "/console/icon.svg", alt: "", width: "24", height: "24" }), "FlowGuard"),
      el("nav", { "aria-label": "Screens" }, links),
      el("div.choices", badge, zone, colours, tokens)),
    banner,
  );
  tokenChanged.listen(sayToken);
  screenChanged.listen((place) => {
    for (const one of links) {
      set(one, "aria-current", one.dataset.place === (place === "clients" ? "" : place) && "page");
    }
  });
  // As a link alone it would be the address of a screen.
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("screen").focus();
  });
}

/** A button that `act`s and says what is in force: `words()` are its text, and what it does. */
function choice(act, words) {
  const node = button("", () => { act(); show(); }, { class: "quiet" });
  const show = () => {
    const [text, label] = words();
    say(node, text);
    set(node, "aria-label", label);
  };
  show();
  return [node, show];
}
