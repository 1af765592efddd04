/**
 * Reads protobuf's wire form, as far as it is usual: the counterpart of WireWriter. What is cut, or longer than anything sent in earnest, reads
 * as -1, and is for the general codec to judge.
 */
export class WireReader {
  /** Where the next read begins. */
  at: number;

  /** Those of `bytes`: asking an array for its buffer is a call into the engine. */
  readonly #buffer: ArrayBufferLike;
  readonly #offset: number;

  constructor(
    readonly bytes: Uint8Array,
    start = 0,
  ) {
    this.at = start;
    this.#buffer = bytes.buffer;
    this.#offset = bytes.byteOffset;
  }

  /** The bytes from here to `end`, as a part of the message; goes on behind them. */
  part(end: number): Uint8Array {
    const part = new Uint8Array(this.#buffer, this.#offset + this.at, end - this.at);
    this.at = end;
    return part;
  }

  /** A number of up to 28 bits that ends before `end`. */
  number(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 28 && this.at < end; shift += 7) {
      const byte = this.bytes[this.at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  /** Reads a field's length: where the field ends. -1 also where that is after `end`. */
  fieldEnd(end: number): number {
    const length = this.number(end);
    const fieldEnd = this.at + length;
    return length < 0 || fieldEnd > end ? -1 : fieldEnd;
  }
}
