import { open } from 'node:fs/promises';

/**
 * lmdb crashes the process when it opens a file that is not its own or that ends too early. So the two pages that describe the file are looked at
 * first. Their layout (lmdb 3.5, 64 bit, little-endian): 24 bytes of page header, then magic (4), version (4), address (8), map size (8),
 * page size (4), … last page at 144, transaction at 152.
 */
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const DESCRIPTION_BYTES = 160;

/**
 * Says what is wrong with an LMDB file, or undefined. A file that is missing or empty is fine: it will be made. A file that ends before its last page
 * (which is legal if those pages were never used) is extended with zeros, so that missing data are found as damage and not as a crash.
 */
export async function dataFileFault(path: string): Promise<string | undefined> {
  if (process.arch !== 'x64' && process.arch !== 'arm64') return undefined;
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size === 0) return undefined;
    const readDescription = async (at: number): Promise<Buffer | undefined> => {
      const page = Buffer.alloc(DESCRIPTION_BYTES);
      const { bytesRead } = await file.read(page, 0, DESCRIPTION_BYTES, at);
      return bytesRead === DESCRIPTION_BYTES && page.readUInt32LE(MAGIC_AT) === MAGIC ? page : undefined;
    };
    const first = await readDescription(0);
    const pageSize = first?.readUInt32LE(PAGE_SIZE_AT) ?? 0;
    if (first === undefined || pageSize < 512 || pageSize > 65_536) return 'it is not a data file';
    const second = await readDescription(pageSize);
    if (second === undefined) return 'its second page is not that of a data file';
    if (first.readUInt32LE(VERSION_AT) !== second.readUInt32LE(VERSION_AT))
      return 'its first pages do not belong together';
    const newer = first.readBigUInt64LE(TRANSACTION_AT) > second.readBigUInt64LE(TRANSACTION_AT) ? first : second;
    const needed = (Number(newer.readBigUInt64LE(LAST_PAGE_AT)) + 1) * pageSize;
    if (!Number.isSafeInteger(needed)) return 'it does not say how long it is';
    if (size < needed) await file.truncate(needed);
    return undefined;
  } finally {
    await file.close();
  }
}
