// What the browser keeps for the page. Where it keeps nothing, as site data may be blocked, the page itself does.

const here = new Map();

/** What is kept by this name, if anything is; `where` is `sessionStorage` for what goes with the tab. */
export function kept(name, where = "localStorage") {
  if (here.has(name)) return here.get(name);
  try {
    return window[where].getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a text, or nothing any more where that is `null`. */
export function keep(name, text, where = "localStorage") {
  here.set(name, text);
  try {
    if (text === null) window[where].removeItem(name);
    else window[where].setItem(name, text);
  } catch {
    // It is kept until the page is left.
  }
}
