import { copyBack } from './snappy.js';

// LZ4's frame format, decompression only. Checksums are not verified: TCP and the broker have checked the bytes.

/** Throws a RangeError on damaged data, or where it would become larger than `limit`. */
export function lz4Frame(data: Buffer, limit: number): Buffer {
  if (data.readUInt32LE(0) !== 0x184d2204) throw new RangeError('not an LZ4 frame');
  const flags = data.readUInt8(4);
  const blockSize = 2 ** (8 + 2 * ((data.readUInt8(5) >> 4) & 7));
  const blockChecksum = (flags & 0x10) !== 0;
  let at = 6 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0) + 1;
  // Blocks may refer to the ones before, so there is one buffer for all.
  let out = Buffer.allocUnsafe(Math.min(limit, blockSize));
  let written = 0;
  for (;;) {
    const word = data.readUInt32LE(at);
    at += 4;
    if (word === 0) return out.subarray(0, written);
    const length = word & 0x7fff_ffff;
    if (at + length > data.length) throw new RangeError('LZ4 data ends early');
    if (written + blockSize > out.length) {
      const larger = Buffer.allocUnsafe(Math.min(limit, Math.max(out.length * 2, written + blockSize)));
      out.copy(larger, 0, 0, written);
      out = larger;
    }
    const input = data.subarray(at, at + length);
    if (word >= 0x8000_0000) {
      if (written + length > out.length) throw new RangeError('LZ4 data is too large');
      written += input.copy(out, written);
    } else {
      written = block(input, out, written);
    }
    at += length + (blockChecksum ? 4 : 0);
  }
}

function block(data: Buffer, out: Buffer, start: number): number {
  let at = 0;
  let written = start;
  const next = () => {
    const byte = data[at++];
    if (byte === undefined) throw new RangeError('LZ4 data ends early');
    return byte;
  };
  const extended = (nibble: number) => {
    let length = nibble;
    if (nibble === 15) {
      for (let byte = 255; byte === 255; ) {
        byte = next();
        length += byte;
      }
    }
    return length;
  };
  while (at < data.length) {
    const token = next();
    const literal = extended(token >> 4);
    if (at + literal > data.length || written + literal > out.length) throw new RangeError('a broken LZ4 literal');
    data.copy(out, written, at, at + literal);
    at += literal;
    written += literal;
    if (at >= data.length) break;
    const distance = next() | (next() << 8);
    written = copyBack(out, written, distance, extended(token & 15) + 4);
  }
  return written;
}
