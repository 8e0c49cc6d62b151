// What the API takes in a field, so that a form can say so before anything is sent. A rule answers what is wrong, or nothing.

import { count } from "./number.js";

const AMOUNT_MAX = 1_000_000_000_000;
const LONGEST_PER_S = 31 * 86_400;
const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** What must not be a name, since it means something else or nothing. */
const RESERVED = [".", "..", "unknown", "other"];

export const ID_HINT = "1 to 128 characters of A-Z a-z 0-9 . _ : @ - + | = / ~";
export const NAME_HINT = "1 to 64 characters of A-Z a-z 0-9 . _ : @ + = ~ -";
export const LIMIT_HINT = "1 to 64 characters of a-z 0-9 -";

/** `60,000`, `60 000` and `60_000` are 60000; `1,5` is no number. */
export function digits(text) {
  const plain = /^\d{1,3}(?:([,_'’\s])\d{3})(?:\1\d{3})*$/.test(text) ? text.replace(/\D/g, "") : text;
  return plain.replace(/^0+(?=\d)/, "");
}

/** A whole number; nothing at all is allowed unless it is `required`. */
export const integer = ({ least = 1, most = AMOUNT_MAX, required } = {}) => (text) => {
  const all = Math.min(most, AMOUNT_MAX);
  const isRight = text === "" ? !required : /^\d{1,13}$/.test(text) && Number(text) >= least && Number(text) <= all;
  return isRight ? undefined : `Must be a whole number from ${count(least)} to ${count(all)}.`;
};

const like = (form, must, reserved = []) => (text) => {
  if (!form.test(text)) return must;
  return reserved.includes(text) ? `Must not be “${text}”.` : undefined;
};

const ID = /^[A-Za-z0-9._:@+|=/~-]{1,128}$/;

export const clientId = like(ID, `Must be ${ID_HINT}`, RESERVED);
/** A client as a request can name one, whether or not anybody can be configured so. */
export const askedClient = like(ID, `Must be ${ID_HINT}`, RESERVED.slice(0, 2));
/** A client as a limit can name one: also all those together who are not configured. */
export const matchedClient = like(ID, `Must be ${ID_HINT}`, RESERVED.filter((word) => word !== "unknown"));
/** The name of a plan or a model. */
export const name = like(/^[A-Za-z0-9._:@+=~-]{1,64}$/, `Must be ${NAME_HINT}`, RESERVED);
export const matchedModel = (text) => (text === "other" ? undefined : name(text));
/** A model as a request can name one. */
export const askedModel = like(/^[A-Za-z0-9._:@+=~/-]{1,128}$/, "Must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / -");
export const limitName = like(/^[a-z0-9-]{1,64}$/, `Must be ${LIMIT_HINT}`, ["rpm", "tpm"]);
export const pattern = like(/^[A-Za-z0-9._:@+=~/*-]{1,128}$/, "must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + = ~ / - *");
export const identity = (text) => (new TextEncoder().encode(text).length > 512 || /\p{Cc}/u.test(text)
  ? "must be at most 512 bytes, without control characters" : undefined);

export function group(text) {
  const parts = text.split("/");
  const isWrong = parts.length > 4 || parts.some(name);
  return isWrong ? `Must be 1 to 4 names with / between, each ${NAME_HINT}, not unknown or other.` : undefined;
}

export function per(text) {
  const [, number, unit] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? [];
  return number * SECONDS[unit] <= LONGEST_PER_S ? undefined
    : "Must be from 1s to 31d: a whole number and s, m, h or d, such as 12h.";
}

/** A rule of each line, and of how many there are; `same` is what makes two of them one. */
export const lines = (rule, { least = 0, most, same = (line) => line }) => (list) => {
  if (list.length < least) return `At least ${count(least)} is needed.`;
  if (list.length > most) return `There can be ${count(most)}, and here are ${count(list.length)}.`;
  const seen = new Set();
  for (const [index, line] of list.entries()) {
    const wrong = rule(line) ?? (seen.has(same(line)) ? "stands here twice" : undefined);
    if (wrong) return `Line ${count(index + 1)}, “${line}”: ${wrong}.`;
    seen.add(same(line));
  }
};
