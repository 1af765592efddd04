import { confirmed } from '../confirmed.js';
import { BusError } from '../errors.js';
import {
  assignmentPath,
  type OffsetRecord,
  offsetPath,
  type PendingReset,
  readAssignment,
  readOffsetRecord,
  writeAssignment,
  writeRecord,
} from '../offsets/records.js';
import type { Coordination, Path } from '../ports/coordination.js';
import { forEachLimited } from '../topics/coalesce.js';
import { allow, isKind } from './records.js';
import { type RemovalPorts, removeSubscriber } from './removal.js';
import { readState, readsAtOnce, type SubscriberState } from './state.js';

/** How often compare-and-sets are begun anew before a call gives up: only the subscriber's own changes can be in the way. */
const rounds = 20;

/**
 * Finishes what was decided about a subscriber and not yet carried out: a reset, a deletion. The decision is one compare-and-set of the assignment
 * record; everything after it may be done by anybody, at any time, more than once and by several at once. So whoever finds a decision there
 * (the next call, the next stream that joins) finishes it, and a crash leaves nothing half-done that anybody could see.
 */
export async function settleSubscriber(ports: RemovalPorts, subscriber: string): Promise<void> {
  const { coordination } = ports;
  for (let round = 0; round < rounds; round++) {
    const found = await readAssignment(coordination, subscriber);
    if (found?.record.deleting) {
      await removeSubscriber(ports, subscriber, found);
    } else if (found?.record.pending) {
      await writePending(coordination, subscriber, found.record.pending);
      const settled = writeAssignment({ ...found.record, pending: undefined });
      await coordination.set(assignmentPath(subscriber), settled, found.version).catch(allow('conflict', 'missing'));
    } else return;
  }
  throw busy(subscriber);
}

/** What is there of a subscriber after everything that was decided about it is done. Undefined where there is none, anywhere. */
export function settledState(ports: RemovalPorts, subscriber: string): Promise<SubscriberState | undefined> {
  const look = async () => {
    await settleSubscriber(ports, subscriber);
    return readState(ports.coordination, subscriber);
  };
  return confirmed(ports.coordination, look, (state) => state === undefined);
}

export function busy(subscriber: string): BusError {
  return new BusError('SUBSCRIBER_BUSY', `subscriber ${subscriber} changes too fast just now; try again shortly`);
}

/** Nobody owns what was reset. */
const blank = { owner: undefined, earlier: [], claimedAt: undefined };

/** Writes the positions that are not written yet: where the generation is the reset's or larger already, somebody else was first. */
async function writePending(coordination: Coordination, subscriber: string, pending: PendingReset): Promise<void> {
  const { generation, at } = pending;
  let left: readonly Wanted[] = [...pending.positions].flatMap(([topic, { incarnation, offsets }]) =>
    [...offsets].map(([partition, offset]) => ({
      path: offsetPath(subscriber, topic, partition),
      record: { ...blank, incarnation, generation, next: offset, committedAt: at },
    })),
  );
  for (let round = 0; left.length > 0; round++) {
    if (round === rounds) throw busy(subscriber);
    left = await writeOnce(coordination, left);
  }
}

interface Wanted {
  readonly path: Path;
  readonly record: OffsetRecord;
}

/** Returns those that somebody else changed in between. */
async function writeOnce(coordination: Coordination, wanted: readonly Wanted[]): Promise<Wanted[]> {
  const writes: { wanted: Wanted; path: Path; value: Uint8Array; version: number }[] = [];
  const again: Wanted[] = [];
  await forEachLimited(wanted, readsAtOnce, async (each) => {
    const { path, record } = each;
    const value = writeRecord(record);
    const entry = await coordination.get(path);
    if (!entry) {
      await coordination.create(path, value).catch((error: unknown) => {
        if (!isKind(error, 'exists')) throw error;
        again.push(each);
      });
    } else if (readOffsetRecord(entry.value).generation < record.generation) {
      writes.push({ wanted: each, path, value, version: entry.version });
    }
  });
  if (writes.length === 0) return again;
  const outcomes = await coordination.setMany(writes);
  writes.forEach(({ wanted: each }, i) => {
    const outcome = outcomes[i];
    if (outcome === undefined || !('error' in outcome)) return;
    if (!isKind(outcome.error, 'conflict', 'missing')) throw outcome.error;
    again.push(each);
  });
  return again;
}
