import { statfs } from 'node:fs/promises';

/**
 * Why a group of writes was not committed. `full` and `refused`: nothing of it is stored. `unknown`: nobody can say.
 */
export interface WriteFailure {
  readonly kind: 'full' | 'refused' | 'unknown';
  readonly message: string;
  readonly cause?: unknown;
}

const ENOSPC = 28;
const EDQUOT = 122;
const EIO = 5;
/** With less than this left on the disk, a write that fell short is taken for a full disk. */
const FULL_BELOW_BYTES = 16 * 1024 * 1024;

/**
 * What a failed LMDB commit means. Data pages are written and synced before the page that makes them current, so that a commit that found no room has
 * stored nothing. LMDB reports a write that fell short for lack of room as EIO: the disk's free space tells the two apart.
 */
export async function explainFailure(directory: string, error: unknown): Promise<WriteFailure> {
  const cause = await causeOf(error);
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  if (code === ENOSPC || code === EDQUOT || (code === EIO && (await isFull(directory)))) {
    return { kind: 'full', message: `the disk of ${directory} is full`, cause };
  }
  const said = cause instanceof Error ? cause.message : String(cause);
  return { kind: 'unknown', message: `writing to ${directory} failed: ${said}`, cause };
}

async function isFull(directory: string): Promise<boolean> {
  const disk = await statfs(directory).catch(() => undefined);
  return disk !== undefined && disk.bavail * disk.bsize < FULL_BELOW_BYTES;
}

/** lmdb rejects with a general error that carries a promise of the real one. */
async function causeOf(error: unknown): Promise<unknown> {
  if (typeof error !== 'object' || error === null || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}
