// What several panels have to know of a client: how it is configured, and its statistics.

import { get, path } from "../../api/client.js";
import { Topic } from "../../base/topic.js";
import { feed } from "../../live/feed.js";
import { poll } from "../../parts/poll.js";
import { together } from "../../parts/together.js";

const EVERY_MS = 10_000;

/** What it does is told twice a second, and read so long after it at most. */
const MOVED_MS = 800;

const NOBODY = { config: undefined, stats: undefined, isConfigured: false, error: undefined };

/**
 * `config` and `stats` where it is configured; `isConfigured` is `undefined` until that is known. `wrong` is an error
 * where the id can be nobody's, `error` why the last reading failed. `changed` tells when something is another thing.
 * Whether it is configured an explanation says, which everybody has: so nobody is asked for what is not there.
 */
export function standing(id, signal) {
  let canAsk = false;
  let isOld = false;
  const known = {
    ...NOBODY, id, isConfigured: undefined, wrong: undefined, changed: new Topic(),

    /** Told when the client does something; and with the decisions that were read, the newest first, none if none could be. */
    moved: new Topic(),
    decided: new Topic(),

    /** An explanation said so; `undefined`: there was none, so that it has to be found out otherwise. */
    explained(isConfigured) {
      const isNews = !canAsk || isOld || (isConfigured !== undefined && isConfigured !== known.isConfigured);
      [canAsk, isOld] = [true, false];
      if (isConfigured === false) {
        if (isNews) tell(NOBODY);
      } else if (isNews) {
        known.isConfigured = undefined;
        known.again();
      }
    },
    /** It was written: the next explanation says whether it is still there. */
    written: () => { isOld = true; },
    wrongId: (wrong) => tell({ wrong }),
    isNothing: () => known.wrong !== undefined || (known.error !== undefined && known.isConfigured === undefined),

    /** As whom it is known here: those whom nobody configured are so as one together. */
    as: () => (known.isConfigured === false ? "unknown" : id),
    where: (name) => path("clients", known.as(), name),

    /** Reads again and again what is kept of its past, once it is known as whom. */
    past(everyMs, { read, ...how }) {
      const again = poll(async () => {
        if (known.isConfigured !== undefined || known.error) await read();
      }, everyMs, { ...how, signal });
      let of;
      known.changed.listen(() => {
        if (known.isConfigured === of && !known.error) return;
        of = known.isConfigured;
        again();
      }, signal);
      return again;
    },
  };

  function tell(what) {
    Object.assign(known, what);
    known.changed.tell();
  }

  known.again = poll(async () => {
    if (!canAsk || known.isConfigured === false) return;
    try {
      const where = path("clients", id);
      const [config, stats] = await Promise.all([get(where, { signal }), get(`${where}/stats`, { signal })]);
      tell({ config: config.data, stats: stats.data, isConfigured: true, error: undefined });
    } catch (error) {
      if (error.status !== 404) throw error;
      tell(NOBODY);
    }
  }, EVERY_MS, { failed: (error) => tell({ error }), signal });
  known.moved.listen(known.again, signal);

  const moved = together(MOVED_MS, () => known.moved.tell(), signal);
  feed.clients.listen(({ clients }) => {
    if (!document.hidden && clients.some(({ client }) => client === known.as())) moved();
  }, signal);
  return known;
}
