// A call of the public API. Nothing in the console reaches the control plane by another way, but for the stream.

import { segment } from "../base/address.js";
import { credentials, tokenWanted } from "./token.js";

const PATIENCE_MS = 30_000;

/** An answer that is an error; with `status` 0 there was no answer, or none that can be read. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** `/api/v1/clients/a%2Fb` of its parts. */
export const path = (...parts) => `/api/v1/${parts.map(segment).join("/")}`;

/**
 * Calls, and answers `{ status, data, etag }`, or throws an `ApiError`.
 * `query` has parameters, of which the empty ones are left out; `body` is sent as JSON; `when` is `has(etag)` or
 * `ABSENT`, where a write is not to be done in all cases. It is waited for as long as there is `patience`.
 */
export async function call(method, where, { query = {}, body, when = {}, signal, patience = PATIENCE_MS } = {}) {
  const headers = { accept: "application/json", ...when, ...credentials() };
  if (body !== undefined) headers["content-type"] = "application/json";
  const { response, text } = await answered(where + parameters(query), {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store", credentials: "omit", redirect: "error",
  }, signal, patience);
  const data = parsed(text);
  if (!response.ok) throw refused(response.status, data);
  if (!data) throw unreadable();
  return { status: response.status, data, etag: response.headers.get("etag") };
}

export const get = (where, options) => call("GET", where, options);

/** A write is done while the thing is as it was when it had this tag. */
export const has = (etag) => ({ "if-match": etag });

/** A write is done while nothing is there of that name. */
export const ABSENT = { "if-none-match": "*" };

/**
 * What may not be there: then it is an `ApiError` of 404. It is looked for in its list first, for a browser writes each
 * answer of 404 into its console as if something were broken.
 */
export async function find(plural, name, { signal } = {}) {
  if (!(await isThere(plural, name, { signal }))) throw new ApiError(404, "not_found", "it is not there");
  return get(path(plural, name), { signal });
}

/** Of all names that begin so, the name itself is the first. */
export async function isThere(plural, name, { signal } = {}) {
  const { data } = await get(path(plural), { query: { prefix: name, limit: 1 }, signal });
  return Object.hasOwn(data[plural], name);
}

/** A list in pages: yields `[name, value]` of each, in order, a page at a time. */
export async function* pages(where, key, { limit = 1_000, prefix, signal } = {}) {
  let cursor;
  do {
    const { data } = await get(where, { query: { limit, prefix, cursor }, signal });
    yield Object.entries(data[key]);
    cursor = data.next_cursor;
  } while (cursor);
}

/** What an answer that is not well says; somebody who needs a token is asked for one. */
export function refused(status, data) {
  const error = new ApiError(status, data?.error ?? "no_answer", data?.message ?? `the control plane answered with ${status}`);
  if (status === 401) tokenWanted.tell(error);
  return error;
}

async function answered(where, options, signal, patience) {
  const late = AbortSignal.timeout(patience);
  let response;
  try {
    response = await fetch(where, { ...options, signal: signal ? AbortSignal.any([signal, late]) : late });
    return { response, text: await response.text() };
  } catch (error) {
    if (signal?.aborted) throw error;
    if (late.aborted) throw new ApiError(0, "too_late", `the control plane has not answered within ${patience / 1_000} s`);
    throw response ? unreadable() : new ApiError(0, "unreachable", "the control plane cannot be reached");
  }
}

const unreadable = () => new ApiError(0, "no_answer", "the control plane's answer cannot be read");

/** An object or a list: the API answers nothing else. */
function parsed(text) {
  try {
    const data = JSON.parse(text);
    return typeof data === "object" ? data : undefined;
  } catch {
    return undefined;
  }
}

/** `?model=gpt-4&tokens=5`, without those that are empty. */
export function parameters(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  // The API takes a plus sign for one.
  return given.length ? `?${new URLSearchParams(given)}`.replaceAll("+", "%20") : "";
}
