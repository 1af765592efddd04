import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { gunzip } from 'node:zlib';
import { lz4Frame } from './lz4.js';
import { snappy } from './snappy.js';
import { zstd } from './zstd.js';

/** Stored records that this driver cannot decode: compressed in a way that is not available, damaged, or in a format from before 2017. */
export class UnreadableBatch extends Error {
  override readonly name = 'UnreadableBatch';
}

/** One batch must not fill the memory, however well it is compressed. */
const maxUncompressedBytes = 128 * 1024 * 1024;

type Inflate = (data: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;
const ungzip: Inflate = promisify(gunzip);
// Node has zstd from 22.15 on, which the types of Node 20 do not know.
const native = (zlib as { readonly zstdDecompress?: typeof gunzip }).zstdDecompress;
const unzstd: Inflate = native ? promisify(native) : (data, { maxOutputLength }) => zstd(data, maxOutputLength);

/** Decompresses a batch's records; only foreign producers compress. `codec` is from the batch's attributes. Throws UnreadableBatch. */
export async function decompress(codec: number, data: Buffer): Promise<Buffer> {
  const options = { maxOutputLength: maxUncompressedBytes };
  try {
    if (codec === 1) return await ungzip(data, options);
    if (codec === 2) return snappy(data, maxUncompressedBytes);
    if (codec === 3) return lz4Frame(data, maxUncompressedBytes);
    if (codec === 4) return await unzstd(data, options);
  } catch (error) {
    throw new UnreadableBatch(`records with damaged or oversized ${names[codec]} data`, { cause: error });
  }
  throw new UnreadableBatch(`records compressed with ${names[codec] ?? `codec ${codec}`}, which is not known`);
}

const names = ['nothing', 'gzip', 'snappy', 'lz4', 'zstd'];
