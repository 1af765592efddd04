/** The longest line that is read: the largest payload that a topic can allow. */
export const maxLineBytes = 8 * 1024 * 1024;

export interface LineSink {
  /** A line that is not empty, without its terminator: `source[start, end)`, valid only during the call. */
  line(source: Uint8Array, start: number, end: number, number: number): void;
  empty(number: number): void;
  /** A line above the limit; its bytes are dropped. */
  tooLong(number: number): void;
}

/** Splits chunks into lines at LF or CRLF, holding at most one line. Line numbers count from 1. */
export class LineSplitter {
  readonly #sink: LineSink;
  readonly #limit: number;
  #number = 1;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #dropping = false;

  constructor(sink: LineSink, limit = maxLineBytes) {
    this.#sink = sink;
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (this.#heldBytes > 0 || this.#dropping) {
        this.#hold(chunk.subarray(start, end));
        this.#finishHeld();
      } else {
        this.#emit(chunk, start, end);
      }
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** The input is over: a last line without terminator counts. */
  end(): void {
    if (this.#heldBytes > 0 || this.#dropping) this.#finishHeld();
  }

  #hold(part: Buffer): void {
    if (this.#dropping || part.length === 0) return;
    // One byte more for the CR of a terminator.
    if (this.#heldBytes + part.length > this.#limit + 1) {
      this.#held = [];
      this.#heldBytes = 0;
      this.#dropping = true;
      return;
    }
    this.#held.push(part);
    this.#heldBytes += part.length;
  }

  #finishHeld(): void {
    if (this.#dropping) {
      this.#dropping = false;
      this.#sink.tooLong(this.#number++);
      return;
    }
    const line = this.#held.length === 1 && this.#held[0] ? this.#held[0] : Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    this.#emit(line, 0, line.length);
  }

  #emit(source: Buffer, start: number, lineEnd: number): void {
    const end = lineEnd > start && source[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd;
    const number = this.#number++;
    if (end === start) this.#sink.empty(number);
    else if (end - start > this.#limit) this.#sink.tooLong(number);
    else this.#sink.line(source, start, end, number);
  }
}
