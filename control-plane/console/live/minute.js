// The last minute of a client, a second a place: what a sparkline draws, and what its rates are made of.

export const SECONDS = 60;

export class Minute {
  #requests = new Float32Array(SECONDS);
  #tokens = new Float32Array(SECONDS);
  #refused = new Float32Array(SECONDS);
  #last = 0;

  /** What happened in the time before `at`. Who did nothing is not told of, and has nothing in that second. */
  add(at, requests, tokens, refused) {
    this.#forward(at);
    const place = this.#last % SECONDS;
    this.#requests[place] += requests;
    this.#tokens[place] += tokens;
    this.#refused[place] += refused;
  }

  /** Rates over the second that runs and the one before: looks are half a second long, too short to be a rate. */
  rates(now) {
    this.#forward(now);
    const over = 1 + (now % 1_000) / 1_000;
    const [here, before] = [this.#last % SECONDS, (this.#last - 1) % SECONDS];
    const of = (counts) => (counts[here] + counts[before]) / over;
    return { requests: of(this.#requests), tokens: of(this.#tokens), refused: of(this.#refused) };
  }

  /** What was refused in this minute. */
  refused() {
    return this.#refused.reduce((all, one) => all + one, 0);
  }

  /** The seconds up to `now`, the oldest first: `(index, requests, refused)` for each. */
  each(now, see) {
    this.#forward(now);
    for (let index = 0; index < SECONDS; index += 1) {
      const place = (this.#last + 1 + index) % SECONDS;
      see(index, this.#requests[place], this.#refused[place]);
    }
  }

  #forward(now) {
    const second = Math.floor(now / 1_000);
    for (let past = Math.max(this.#last + 1, second - SECONDS + 1); past <= second; past += 1) {
      for (const counts of [this.#requests, this.#tokens, this.#refused]) counts[past % SECONDS] = 0;
    }
    this.#last = Math.max(this.#last, second);
  }
}
