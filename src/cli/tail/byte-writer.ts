/** Collects text and bytes into one Buffer, so that many records make one write. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #length = 0;

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

  /** The bytes of a JSON text on one line: each LF and CR, insignificant white space there, becomes a space. */
  jsonBytes(bytes: Uint8Array): void {
    const start = this.#length;
    this.bytes(bytes);
    if (!bytes.includes(10) && !bytes.includes(13)) return;
    for (let i = start; i < this.#length; i++) {
      const byte = this.#buffer[i];
      if (byte === 10 || byte === 13) this.#buffer[i] = 32;
    }
  }

  newline(): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = 10;
  }

  /** What was collected; the writer starts anew with a buffer of its own. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(16 * 1024, this.#length));
    this.#length = 0;
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
