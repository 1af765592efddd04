/** Writes Kafka's primitive types into a buffer that grows. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  int8(value: number): this {
    this.#length = this.#room(1).writeInt8(value, this.#length);
    return this;
  }

  int16(value: number): this {
    this.#length = this.#room(2).writeInt16BE(value, this.#length);
    return this;
  }

  int32(value: number): this {
    this.#length = this.#room(4).writeInt32BE(value, this.#length);
    return this;
  }

  /** Of a safe integer. */
  int64(value: number): this {
    writeInt64(this.#room(8), value, this.#length);
    this.#length += 8;
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = Buffer.byteLength(value);
    this.int16(bytes);
    this.#length += this.#room(bytes).write(value, this.#length);
    return this;
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** An unsigned varint, seven bits a byte: the lengths of "flexible" versions. */
  uvarint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.int8(((rest % 0x80) | 0x80) - 0x100);
    return this.int8(rest);
  }

  /** The string of a "flexible" version. */
  compactString(value: string | null): this {
    if (value === null) return this.uvarint(0);
    const bytes = Buffer.byteLength(value);
    this.uvarint(bytes + 1);
    this.#length += this.#room(bytes).write(value, this.#length);
    return this;
  }

  /** The array of a "flexible" version. Each structure in it ends with `noTags`. */
  compactArray<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.uvarint(items === null ? 0 : items.length + 1);
    for (const item of items ?? []) write(item);
    return this;
  }

  /** As Kafka's tools print it; undefined: all zeros, which means none. */
  uuid(value: string | undefined): this {
    const room = this.#room(16);
    room.fill(0, this.#length, this.#length + 16);
    if (value !== undefined) room.write(value, this.#length, 16, 'base64url');
    this.#length += 16;
    return this;
  }

  /** The end of a structure in a "flexible" version, without optional fields. */
  noTags(): this {
    return this.int8(0);
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #room(bytes: number): Buffer {
    const needed = this.#length + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    return this.#buffer;
  }
}

/** Reads Kafka's primitive types. Throws a RangeError beyond the end. */
export class ByteReader {
  offset = 0;
  constructor(readonly buffer: Buffer) {}

  int8(): number {
    this.offset += 1;
    return this.buffer.readInt8(this.offset - 1);
  }

  int16(): number {
    this.offset += 2;
    return this.buffer.readInt16BE(this.offset - 2);
  }

  int32(): number {
    this.offset += 4;
    return this.buffer.readInt32BE(this.offset - 4);
  }

  int64(): number {
    this.offset += 8;
    return readInt64(this.buffer, this.offset - 8);
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.bytes(length).toString('utf8');
  }

  array<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.int32(); left > 0; left--) items.push(read());
    return items;
  }

  uvarint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.int8() & 0xff;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      if (factor > 2 ** 28) throw new RangeError('a Kafka response holds a broken length');
    }
  }

  compactString(): string | null {
    const length = this.uvarint() - 1;
    return length < 0 ? null : this.bytes(length).toString('utf8');
  }

  /** No items where there is no array. Each structure in it ends with `skipTags`. */
  compactArray<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.uvarint() - 1; left > 0; left--) items.push(read());
    return items;
  }

  /** As Kafka's tools print it; undefined where it is all zeros, which means none. */
  uuid(): string | undefined {
    const bytes = this.bytes(16);
    return bytes.every((byte) => byte === 0) ? undefined : bytes.toString('base64url');
  }

  /** Passes over the optional fields at the end of a structure. */
  skipTags(): void {
    for (let left = this.uvarint(); left > 0; left--) {
      this.uvarint();
      this.bytes(this.uvarint());
    }
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const end = this.offset + length;
    if (length < 0 || end > this.buffer.length) throw new RangeError('a Kafka response ends early');
    const view = this.buffer.subarray(this.offset, end);
    this.offset = end;
    return view;
  }
}

/** Exact for safe integers; larger ones (producer ids, never offsets) lose their low bits. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4);
}

export function writeInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
  buffer.writeUInt32BE(value >>> 0, at + 4);
}
