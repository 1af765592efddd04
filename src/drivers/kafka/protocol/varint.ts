// Kafka's varints: zigzag, then seven bits a byte, the lowest first. Records use them for lengths (32 bits) and timestamp deltas (64).

/** How many bytes `writeVarint` takes for a value that fits 32 bits. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}

/** Returns the offset after it. */
export function writeVarint(buffer: Buffer, value: number, offset: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = offset;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

/** A position in a buffer, moved by what is read from it. */
export interface Scan {
  readonly buffer: Buffer;
  offset: number;
}

/** Throws a RangeError on one that does not end. */
export function readVarint(scan: Scan): number {
  let result = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = scan.buffer[scan.offset++];
    if (byte === undefined) break;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (result >>> 1) ^ -(result & 1);
  }
  throw new RangeError('a Kafka record holds a broken varint');
}

/** A 64-bit one, exact within safe integers: a timestamp delta. */
export function readVarlong(scan: Scan): number {
  let result = 0;
  let factor = 1;
  for (let i = 0; i < 10; i++) {
    const byte = scan.buffer[scan.offset++];
    if (byte === undefined) break;
    result += (byte & 0x7f) * factor;
    if (byte < 0x80) return result % 2 === 0 ? result / 2 : -(result + 1) / 2;
    factor *= 128;
  }
  throw new RangeError('a Kafka record holds a broken varint');
}
