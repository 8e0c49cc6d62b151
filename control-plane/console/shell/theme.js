// Light or dark: as the system has it, until the reader says otherwise.

const KEPT = "flowguard.theme";

export const THEMES = ["Auto", "Light", "Dark"];

export const theme = () => THEMES.find((name) => name.toLowerCase() === localStorage.getItem(KEPT)) ?? "Auto";

export function chooseTheme(name) {
  localStorage.setItem(KEPT, name.toLowerCase());
  show();
}

function show() {
  document.documentElement.dataset.theme = theme().toLowerCase();
}

show();
