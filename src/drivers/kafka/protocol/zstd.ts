import { setImmediate as nextTurn } from 'node:timers/promises';
import { Decompress } from 'fzstd';

/** How much is taken in at once: what comes of it is seldom more than a few times as large. */
const pieceBytes = 16 * 1024;
/** After so much output other work gets its turn. */
const turnBytes = 1024 * 1024;
const magicNumber = 0xfd2fb528;

/**
 * Decompresses zstd without Node's own, which Node 20 lacks. Streams, so that no more than `most` bytes are ever made of data that claim to be larger, and
 * lets other work go on in between. Throws a RangeError on data that are damaged or too large.
 */
export async function zstd(data: Buffer, most: number): Promise<Buffer> {
  if (windowBytes(data) > most) throw new RangeError(`the window is larger than ${most} bytes`);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let sinceTurn = 0;
  let isWhole = false;
  const stream = new Decompress((chunk, isLast) => {
    bytes += chunk.length;
    sinceTurn += chunk.length;
    if (bytes > most) throw new RangeError(`more than ${most} bytes`);
    parts.push(chunk);
    isWhole ||= isLast === true;
  });
  for (let at = 0; at < data.length; at += pieceBytes) {
    stream.push(data.subarray(at, at + pieceBytes), at + pieceBytes >= data.length);
    if (sinceTurn < turnBytes) continue;
    sinceTurn = 0;
    await nextTurn();
  }
  if (!isWhole) throw new RangeError('the data end early');
  return Buffer.concat(parts, bytes);
}

/** How much memory a frame asks for, by its header: a decoder takes it before it has seen any data. */
function windowBytes(data: Buffer): number {
  if (data.length < 6 || data.readUInt32LE(0) !== magicNumber) throw new RangeError('not zstd');
  const descriptor = data.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const window = data.readUInt8(5);
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  // Without a window the whole content is one: its size follows the dictionary's id.
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return data.readUInt8(at);
    case 1:
      return data.readUInt16LE(at) + 256;
    case 2:
      return data.readUInt32LE(at);
    default:
      return Number(data.readBigUInt64LE(at));
  }
}
