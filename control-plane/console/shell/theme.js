// Light or dark: as the system has it, until the reader says otherwise.

import { keep, kept } from "../base/kept.js";

const KEPT = "flowguard.theme";

export const THEMES = ["Auto", "Light", "Dark"];

export const theme = () => THEMES.find((name) => name.toLowerCase() === kept(KEPT)) ?? "Auto";

export function chooseTheme(name) {
  keep(KEPT, name.toLowerCase());
  show();
}

function show() {
  document.documentElement.dataset.theme = theme().toLowerCase();
}

show();
