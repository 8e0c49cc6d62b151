// Somebody tells, others listen.

export class Topic {
  #listeners = new Set();

  /** Calls `listener` from now on, until `signal` ends it. */
  listen(listener, signal) {
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  /** Each is told, whatever goes wrong with another one. */
  tell(value) {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
