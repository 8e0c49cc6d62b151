// Nodes of the page. Whatever is put in as text stays text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element: its name with its classes, attributes where it has more, and children. An attribute that is a
 * function listens (`onclick`), `true` stands without a value, `false`, `null` and `undefined` do not stand at all.
 */
export const el = maker((name) => document.createElement(name));

/** The same for a picture. */
export const svg = maker((name) => document.createElementNS(SVG, name));

/** Puts `children` in place of all that is in `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/** The same where they are other ones: what did not change keeps the keyboard, and is not read out again. */
export function renew(parent, ...children) {
  const next = parent.cloneNode();
  fill(next, children);
  if (!next.isEqualNode(parent)) parent.replaceChildren(...next.childNodes);
}

/** Sets a text where it is another one: what did not change costs nothing. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute where it is another one. */
export function set(node, name, value) {
  if (isNothing(value)) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? "" : value);
}

/** Whether somebody is copying what is in it, which then stays where it is. */
export function isSelected(node) {
  const selection = getSelection();
  return !selection.isCollapsed && node.contains(selection.anchorNode);
}

function maker(create) {
  return (words, ...rest) => {
    const [name, ...classes] = words.split(".");
    const node = create(name);
    set(node, "class", classes.join(" ") || null);
    const attributes = rest[0]?.constructor === Object ? rest.shift() : {};
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "function") node.addEventListener(key.slice(2), value);
      else set(node, key, value);
    }
    fill(node, rest);
    return node;
  };
}

const isNothing = (value) => value === null || value === undefined || value === false;

const nodes = (children) => children.flat(Infinity).filter((child) => !isNothing(child));
