// A list whose nodes stay what they are while it changes: what has the keyboard keeps it, and nothing blinks.

/** `key(item)` names an item, `create(item)` makes `{ node, show(item) }` of it. What comes back is told the items. */
export function keyed(parent, key, create) {
  const rows = new Map();
  return {
    show(items) {
      const names = new Set(items.map(key));
      for (const [name, row] of rows) {
        if (names.has(name)) continue;
        row.node.remove();
        rows.delete(name);
      }
      let next = parent.firstChild;
      for (const item of items) {
        const name = key(item);
        const row = rows.get(name) ?? create(item);
        rows.set(name, row);
        row.show?.(item);
        if (row.node === next) next = next.nextSibling;
        else moved(parent, row.node, next);
      }
    },
  };
}

/** A node that is moved loses the keyboard, and is given it back. */
function moved(parent, node, next) {
  const inside = node.contains(document.activeElement) ? document.activeElement : undefined;
  parent.insertBefore(node, next);
  inside?.focus({ preventScroll: true });
}
