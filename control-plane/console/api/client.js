// A call of the public API. Nothing in the console reaches the control plane by another way, but for the stream.

import { credentials, tokenWanted } from "./token.js";

const PATIENCE_MS = 30_000;

/** An answer that is an error; with `status` 0 there was no answer. */
export class ApiError extends Error {
  constructor(status, code, message, answer = {}) {
    super(message);
    Object.assign(this, { status, code, answer });
  }
}

/** `/api/v1/clients/a%2Fb`: each part of a path is one segment, whatever is in it. */
export const path = (...parts) => `/api/v1/${parts.map(encodeURIComponent).join("/")}`;

/**
 * Calls, and answers `{ status, data, etag }`, or throws an `ApiError`.
 * `query` has parameters, of which the empty ones are left out; `body` is sent as JSON; `when` is `has(etag)` or
 * `ABSENT`, where a write is not to be done in all cases.
 */
export async function call(method, where, { query = {}, body, when = {}, signal } = {}) {
  const headers = { accept: "application/json", ...when, ...credentials() };
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await answered(where + parameters(query), {
    method, headers, signal: signals(signal), body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store", credentials: "omit", redirect: "error",
  }, signal);
  const data = await json(response);
  if (response.ok) return { status: response.status, data, etag: response.headers.get("etag") };
  throw refused(response.status, data);
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
  const error = new ApiError(status, data?.error ?? "no_answer", data?.message ?? `answered with ${status}`, data);
  if (status === 401) tokenWanted.tell(error);
  return error;
}

async function answered(where, options, signal) {
  try {
    return await fetch(where, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "unreachable", "the control plane cannot be reached");
  }
}

async function json(response) {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

function parameters(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  // The API takes a plus sign for one.
  return given.length ? `?${new URLSearchParams(given)}`.replaceAll("+", "%20") : "";
}

function signals(signal) {
  const late = AbortSignal.timeout(PATIENCE_MS);
  return signal ? AbortSignal.any([signal, late]) : late;
}
