// What one form leaves for the next: a notice, or what was not saved when somebody had to show another token.

const kept = new Map();

export const keep = (name, value) => kept.set(name, value);

/** Answers it once. */
export function take(name) {
  const value = kept.get(name);
  kept.delete(name);
  return value;
}
