// The last minute of a client, a second a place: what a sparkline draws, and what its rates are made of.

export const SECONDS = 60;

/** What is told happened so short before at most: looks are half a second apart, and seldom more. */
const TOLD_OF_MS = 1_000;

export class Minute {
  #requests = new Float32Array(SECONDS);
  #tokens = new Float32Array(SECONDS);
  #refused = new Float32Array(SECONDS);
  #last = 0;

  /** What happened in `overMs` before `at`, evenly. Who did nothing is not told of, and has nothing in that time. */
  add(at, overMs, requests, tokens, refused) {
    this.#forward(at);
    const over = Math.min(Math.max(overMs, 1), TOLD_OF_MS);
    for (let from = at - over; from < at;) {
      const second = Math.floor(from / 1_000);
      const to = Math.min(at, (second + 1) * 1_000);
      const part = (to - from) / over;
      const place = second % SECONDS;
      this.#requests[place] += requests * part;
      this.#tokens[place] += tokens * part;
      this.#refused[place] += refused * part;
      from = to;
    }
  }

  /** Rates over the second that runs at `now` and the one before: a look is half a second long, too short to be a rate. */
  rates(now) {
    const second = Math.floor(now / 1_000);
    const over = 1 + (now % 1_000) / 1_000;
    const of = (counts) => (this.#in(counts, second) + this.#in(counts, second - 1)) / over;
    return { requests: of(this.#requests), tokens: of(this.#tokens), refused: of(this.#refused) };
  }

  /** What was refused in this minute. */
  refused() {
    return this.#refused.reduce((all, one) => all + one, 0);
  }

  /** The seconds up to `now`, the oldest first: `(index, requests, refused)` for each. */
  each(now, see) {
    const first = Math.floor(now / 1_000) - SECONDS + 1;
    for (let index = 0; index < SECONDS; index += 1) {
      see(index, this.#in(this.#requests, first + index), this.#in(this.#refused, first + index));
    }
  }

  #in(counts, second) {
    return second <= this.#last && second > this.#last - SECONDS ? counts[second % SECONDS] : 0;
  }

  #forward(now) {
    const second = Math.floor(now / 1_000);
    // The reader's clock was set back.
    if (second < this.#last - 1) this.#last = 0;
    for (let past = Math.max(this.#last + 1, second - SECONDS + 1); past <= second; past += 1) {
      for (const counts of [this.#requests, this.#tokens, this.#refused]) counts[past % SECONDS] = 0;
    }
    this.#last = Math.max(this.#last, second);
  }
}
