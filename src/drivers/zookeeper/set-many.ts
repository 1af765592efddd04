import { CoordinationError, type WriteOutcome } from '../../core/ports/coordination.js';
import type { NodeWrite } from './client.js';
import { Failure, toCoordinationError } from './failure.js';
import type { Gate, RunOptions } from './gate.js';
import { checkValue, checkVersion, writeNode } from './records.js';

const maxWrites = 200;
const maxBytes = 700 * 1000;
/** What a write weighs beside its value and name. */
const overhead = 64;
const multisInFlight = 2;
const singlesInFlight = 32;

/** A write as asked for, or why it cannot be done. */
export type Asked = (NodeWrite & { readonly doing: string }) | { readonly error: CoordinationError };

/**
 * Writes in multis of at most 200 records and 700 kB, two at a time. ZooKeeper does a multi as a whole or not at all: where one is refused, its
 * writes are repeated apart. Where its outcome is unknown they are not: each is `unavailable` then. Version 0 is never part of a multi, because the library
 * would overwrite any version.
 */
export async function writeMany(gate: Gate, asked: readonly Asked[], options: RunOptions): Promise<WriteOutcome[]> {
  const outcomes = new Array<WriteOutcome>(asked.length);
  const singles: number[] = [];
  const together: number[] = [];
  for (const [index, write] of asked.entries()) {
    if ('error' in write) {
      outcomes[index] = write;
      continue;
    }
    const refused = whyNot(write);
    if (refused !== undefined) outcomes[index] = refused;
    else (write.version === 0 ? singles : together).push(index);
  }

  const at = (index: number) => {
    const write = asked[index];
    if (write === undefined || 'error' in write) throw new RangeError(`no write ${index}`);
    return write;
  };

  async function apart(indexes: readonly number[]): Promise<void> {
    await inParallel(indexes, singlesInFlight, async (index) => {
      const write = at(index);
      try {
        outcomes[index] = { version: await writeNode(gate, write.node, write.value, write.version, options) };
      } catch (error) {
        outcomes[index] = failed(error, write.doing);
      }
    });
  }

  async function batch(indexes: readonly number[]): Promise<void> {
    if (indexes.length === 1) return apart(indexes);
    const writes = indexes.map(at);
    try {
      const versions = await gate.run<number[]>((client, ok, fail) => client.setAll(writes, ok, fail), options);
      for (const [i, index] of indexes.entries()) outcomes[index] = { version: versions[i] ?? 0 };
    } catch (error) {
      if (error instanceof Failure && isDefinite(error)) return apart(indexes);
      for (const index of indexes) outcomes[index] = failed(error, at(index).doing);
    }
  }

  const sizes = (index: number) => at(index).value.length + at(index).node.length + overhead;
  await Promise.all([apart(singles), inParallel(batches(together, sizes), multisInFlight, batch)]);
  return outcomes;
}

/** Whether the server refused a multi: nothing of it happened. */
function isDefinite({ code }: Failure): boolean {
  return code === 'no_node' || code === 'bad_version' || code === 'quota' || code === 'no_auth';
}

function whyNot({ value, version, doing }: NodeWrite & { readonly doing: string }): WriteOutcome | undefined {
  try {
    checkValue(value);
    checkVersion(version);
    return undefined;
  } catch (error) {
    return failed(error, doing);
  }
}

function failed(error: unknown, doing: string): WriteOutcome {
  const known = toCoordinationError(error, doing);
  if (!(known instanceof CoordinationError)) throw known;
  return { error: known };
}

function batches(indexes: readonly number[], sizeOf: (index: number) => number): number[][] {
  const result: number[][] = [];
  let current: number[] = [];
  let bytes = 0;
  for (const index of indexes) {
    const size = sizeOf(index);
    if (current.length === 0 || current.length >= maxWrites || bytes + size > maxBytes) {
      current = [];
      result.push(current);
      bytes = 0;
    }
    current.push(index);
    bytes += size;
  }
  return result;
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
