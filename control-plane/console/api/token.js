// The token that calls show. It is kept for this tab alone, and gone with it.

import { keep, kept } from "../base/kept.js";
import { Topic } from "../base/topic.js";

const KEPT = "flowguard.token";

/** Told when there is another token, or none. */
export const tokenChanged = new Topic();

/** Told with the API's own words when a call needs one, or another one. */
export const tokenWanted = new Topic();

export const token = () => kept(KEPT, "sessionStorage");

export function useToken(text) {
  keep(KEPT, text || null, "sessionStorage");
  tokenChanged.tell();
}

/** The headers by which a call is known. */
export const credentials = () => (token() ? { authorization: `Bearer ${token()}` } : {});
