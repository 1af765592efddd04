// Snappy, decompression only. Java producers wrap it in blocks ("xerial" framing); others send the plain format.
const xerial = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);

/** Throws a RangeError on damaged data, or where it would become larger than `limit`. */
export function snappy(data: Buffer, limit: number): Buffer {
  if (!data.subarray(0, 8).equals(xerial)) return block(data, limit);
  const blocks: Buffer[] = [];
  let total = 0;
  // The magic is followed by two version numbers.
  for (let at = 16; at < data.length; ) {
    const length = data.readInt32BE(at);
    const end = at + 4 + length;
    if (length <= 0 || end > data.length) throw new RangeError('a broken snappy block');
    const out = block(data.subarray(at + 4, end), limit - total);
    total += out.length;
    blocks.push(out);
    at = end;
  }
  return Buffer.concat(blocks, total);
}

function block(data: Buffer, limit: number): Buffer {
  let at = 0;
  const next = () => {
    const byte = data[at++];
    if (byte === undefined) throw new RangeError('snappy data ends early');
    return byte;
  };
  let size = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = next();
    size += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  if (size > limit) throw new RangeError('snappy data is too large');
  const out = Buffer.allocUnsafe(size);
  let written = 0;
  while (at < data.length) {
    const tag = next();
    const kind = tag & 3;
    if (kind === 0) {
      let length = tag >> 2;
      if (length >= 60) {
        const bytes = length - 59;
        length = 0;
        for (let i = 0; i < bytes; i++) length += next() * 256 ** i;
      }
      length += 1;
      if (at + length > data.length || written + length > size) throw new RangeError('a broken snappy literal');
      data.copy(out, written, at, at + length);
      at += length;
      written += length;
      continue;
    }
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    let distance = kind === 1 ? ((tag >> 5) << 8) | next() : next() | (next() << 8);
    if (kind === 3) distance += next() * 0x1_0000 + next() * 0x100_0000;
    written = copyBack(out, written, distance, length);
  }
  if (written !== size) throw new RangeError('snappy data has another length than it says');
  return out;
}

/** Repeats `length` bytes from `distance` before `written`; the ranges may overlap. Returns the new end. */
export function copyBack(out: Buffer, written: number, distance: number, length: number): number {
  const end = written + length;
  if (distance <= 0 || distance > written || end > out.length) throw new RangeError('a broken back reference');
  if (distance >= length) {
    out.copyWithin(written, written - distance, written - distance + length);
  } else {
    for (let i = written; i < end; i++) out[i] = out[i - distance] ?? 0;
  }
  return end;
}
