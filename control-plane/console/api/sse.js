// Server-sent events out of text that comes in pieces, as the HTML standard has them.

const LONGEST = 8 * 1024 * 1024;

/** What a header can carry: any other id could not be asked to go on behind. */
const ID = /^[!-~]{0,256}$/;

export class EventReader {
  #rest = "";
  #event = fresh();

  /** Takes the next piece, and yields each event that is whole with it. */
  *read(text) {
    this.#rest += text;
    if (this.#rest.length + (this.#event.data?.length ?? 0) > LONGEST) throw new Error("an event without an end");
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) {
      if (line !== "") this.#field(line);
      else if (this.#event.data !== undefined) {
        yield this.#event;
        this.#event = fresh();
      } else this.#event = fresh();
    }
  }

  #field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#event.data = this.#event.data === undefined ? value : `${this.#event.data}\n${value}`;
    if (name === "event") this.#event.name = value;
    if (name === "id" && ID.test(value)) this.#event.id = value;
  }
}

const fresh = () => ({ name: "message", id: undefined, data: undefined });
