import { type FileHandle, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';

/** The layout that this version reads and writes. */
const FORMAT_VERSION = 1;

const formatFile = 'format.json';
const lockFile = 'lock';
export const dataFile = 'data.mdb';

/** A directory that this process owns until it closes it, or dies. */
export interface OwnedDirectory {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Takes a data directory for this process, making it where it does not exist. Throws an Error that says what to do: another process has it,
 * a newer version wrote it, or it is damaged.
 */
export async function ownDirectory(path: string): Promise<OwnedDirectory> {
  await mkdir(path, { recursive: true });
  const lock = await open(join(path, lockFile), 'a+');
  try {
    if (!tryLock(lock.fd)) {
      const owner = (await readFile(join(path, lockFile), 'utf8').catch(() => '')).trim();
      throw new Error(
        `the data directory ${path} is in use by another process${owner === '' ? '' : ` (pid ${owner})`}: ` +
          'stop it, or choose another directory; embedded storage serves one process at a time',
      );
    }
    await notePid(lock);
    await checkFormat(path);
  } catch (error) {
    await lock.close();
    throw error;
  }
  return { path, close: () => lock.close() };
}

/** For that message only: the lock is the kernel's, and goes with the process. On a full disk it goes unsaid. */
async function notePid(lock: FileHandle): Promise<void> {
  try {
    await lock.truncate(0);
    await lock.write(`${process.pid}\n`, 0);
  } catch {
    // The message then names no process.
  }
}

async function checkFormat(path: string): Promise<void> {
  const file = join(path, formatFile);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    const data = await stat(join(path, dataFile)).catch(() => undefined);
    if (data !== undefined) throw damaged(path, `${dataFile} is there, but ${formatFile} is missing`);
    await writeDurably(path, formatFile, `${JSON.stringify({ format: FORMAT_VERSION })}\n`);
    return;
  }
  const format = parseFormat(text);
  if (format === undefined) throw damaged(path, `${formatFile} does not say which format it is`);
  if (format > FORMAT_VERSION) {
    throw new Error(
      `the data directory ${path} has format ${format}, and this version of mainstem knows formats up to ${FORMAT_VERSION}: ` +
        'use the version that wrote it, or a newer one',
    );
  }
}

function parseFormat(text: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || !('format' in parsed)) return undefined;
    const { format } = parsed;
    return typeof format === 'number' && Number.isSafeInteger(format) && format >= 1 ? format : undefined;
  } catch {
    return undefined;
  }
}

export const damaged = (path: string, what: string, cause?: unknown): Error =>
  new Error(
    `the data directory ${path} is damaged (${what}): restore it from a backup, or move it away to start with an empty one`,
    { cause },
  );

async function writeDurably(path: string, name: string, text: string): Promise<void> {
  const temporary = join(path, `${name}.tmp`);
  const handle: FileHandle = await open(temporary, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(path, name));
  await syncDirectory(path);
}

/** Makes the names of new files in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
