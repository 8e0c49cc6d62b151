// What was changed, as the audit has it: its newest lines, and older ones on demand. What is written meanwhile comes on top.

import { get, path } from "../../api/client.js";
import { Topic } from "../../base/topic.js";
import { feed } from "../../live/feed.js";
import { whenWritten } from "../../live/written.js";
import { poll } from "../../parts/poll.js";
import { together } from "../../parts/together.js";

const PAGE = 100;

/** As many are shown; who looks for older ones asks for one object. */
export const SHOWN_MAX = 1_000;

/** Many writes at once are read together. */
const TOGETHER_MS = 300;

/** Where nobody hears what is written, it is found so often. */
const EVERY_MS = 60_000;

/** The lines about `object`, or all: `{ entries, cursor, unreadable, done, error, changed }`. */
export function auditOf(object, signal) {
  const audit = { entries: [], cursor: undefined, unreadable: 0, done: false, error: undefined, changed: new Topic(), older };
  let replica;

  async function page(cursor) {
    const { data } = await get(path("audit"), { query: { object, limit: PAGE, cursor }, signal });
    return data;
  }

  audit.read = poll(async () => {
    const data = await page();
    merge(data);
    Object.assign(audit, { unreadable: data.unreadable ?? 0, done: true, error: undefined });
    audit.changed.tell();
  }, EVERY_MS, {
    failed(error) {
      audit.error = error;
      audit.changed.tell();
    },
    signal,
  });

  /** Reads the page behind the last line, or throws what went wrong. */
  async function older() {
    const { cursor } = audit;
    const data = await page(cursor);
    // So much was written meanwhile that the list begins anew: this page does not meet its end.
    if (audit.cursor !== cursor) return;
    const known = new Set(audit.entries.map(({ id }) => id));
    audit.entries = [...audit.entries, ...data.entries.filter(({ id }) => !known.has(id))];
    audit.cursor = data.next_cursor;
    audit.changed.tell();
  }

  /** Where more was written than one page has, or too much is held, the older lines are let go. */
  function merge({ entries, next_cursor: cursor }) {
    const oldest = entries.at(-1)?.id ?? Infinity;
    const kept = audit.entries.filter(({ id }) => id < oldest);
    const meets = audit.entries.some(({ id }) => id === oldest);
    if (!cursor || !meets || entries.length + kept.length > SHOWN_MAX + PAGE) Object.assign(audit, { entries, cursor });
    else audit.entries = [...entries, ...kept];
  }

  whenWritten((of) => object === undefined || of === object, together(TOGETHER_MS, audit.read, signal), signal);
  feed.ready.listen((ready) => {
    // Another process may number anew what it keeps in memory alone.
    if (replica !== undefined && replica !== ready.replica) Object.assign(audit, { entries: [], cursor: undefined });
    replica = ready.replica;
  }, signal);
  return audit;
}
