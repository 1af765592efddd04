import { Buffer } from 'node:buffer';

const initialBytes = 64 * 1024;
/** A buffer that one huge line made grow beyond this is let go again. */
const keptBytes = 2 * 1024 * 1024;
const [lf, cr, space] = [10, 13, 32];

/** Collects texts and bytes in one buffer that is used again and again; `take` copies them out. Between the first write and `take` nothing may await. */
export class LineWriter {
  #buffer = Buffer.allocUnsafeSlow(initialBytes);
  #length = 0;

  /** How many bytes were written since `take`. */
  get length(): number {
    return this.#length;
  }

  text(text: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#reserve(text.length * 3);
    this.#length += this.#buffer.write(text, this.#length, 'utf8');
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The bytes of a JSON text on one line: each LF and CR, which can only be insignificant white space there, becomes a space; nothing else changes. */
  json(bytes: Uint8Array): void {
    const start = this.#length;
    this.bytes(bytes);
    const written = this.#buffer.subarray(start, this.#length);
    if (!written.includes(lf) && !written.includes(cr)) return;
    for (let i = 0; i < written.length; i++) {
      if (written[i] === lf || written[i] === cr) written[i] = space;
    }
  }

  /** What was written, as bytes of their own; the writer is empty again. */
  take(): Buffer {
    const taken = Buffer.allocUnsafe(this.#length);
    this.#buffer.copy(taken, 0, 0, this.#length);
    this.#length = 0;
    if (this.#buffer.length > keptBytes) this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
    return taken;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
