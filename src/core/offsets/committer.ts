import { LRUCache } from 'lru-cache';
import { confirmed } from '../confirmed.js';
import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError } from '../ports/coordination.js';
import { attemptsAfterCommit } from './attempts.js';
import { type OffsetRecord, offsetPath, readOffsetRecord, requireSubscriber, writeRecord } from './records.js';

/** A position to commit. */
export interface CommitEntry {
  readonly subscriber: string;
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly generation: number;
  readonly next: number;
  /** The epoch that `next` was taken in. Undefined: the one that this instance knows, if any. */
  readonly epoch?: number | undefined;
}

export type CommitListener = (topic: string, incarnation: string, partition: number, next: number) => void;

/** Writes committed positions: many callers' in few requests, each by compare-and-set for itself. */
export interface Committer {
  /**
   * Resolves with the committed offset once it is durable: `next`, or one that was further already. Throws FENCED, SUBSCRIBER_NOT_FOUND,
   * CURSOR_STALE_TOPIC, COORDINATION_UNAVAILABLE (then it may have happened).
   */
  commit(entry: CommitEntry): Promise<number>;
  /** Calls back after each commit of a subscriber that this process has written, or found to be written already, until the returned function is called. */
  listen(subscriber: string, listener: CommitListener): () => void;
  /** Resolves when nothing waits to be written. */
  drain(): Promise<void>;
}

/**
 * The pause after a round of writing. Commits that arrive meanwhile are coalesced, and the latest of each position wins. The pause grows
 * with the round: a single consumer that commits each frame waits a few milliseconds, and many of them together cost coordination some
 * 2,000 writes a second in small rounds, or full requests ten times a second.
 */
const longestPauseMs = 100;
const pausePerPositionMs = 0.5;
/** A slow coordination rests at least as long as it took to answer. */
const pausePerWriteMs = 1;
/** How often a write that lost a race is tried again: only its own subscriber's claims and commits can be in the way. */
const attempts = 5;

interface Pending {
  readonly entry: CommitEntry;
  next: number;
  epoch: number | undefined;
  readonly waiters: { resolve(offset: number): void; reject(error: unknown): void }[];
}

/** @param epochOf the epoch of a position that was named without one */
export function createCommitter(
  coordination: Coordination,
  clock: Clock,
  epochOf: (entry: CommitEntry, next: number) => number | undefined = () => undefined,
): Committer {
  let pending = new Map<string, Pending>();
  let writing: Promise<void> | undefined;
  const listeners = new Map<string, Set<CommitListener>>();
  /** By place: what the records held last, to spare a read before each write. A write that meets another version reads anew. */
  const known = new LRUCache<string, { readonly version: number; readonly record: OffsetRecord }>({
    // Counted as a size, since room for `max` entries would be taken at once.
    maxSize: 100_000,
    sizeCalculation: () => 1,
  });

  async function load(entry: CommitEntry) {
    const { subscriber, topic, partition } = entry;
    const found = await coordination.get(offsetPath(subscriber, topic, partition));
    if (!found) return undefined;
    const loaded = { version: found.version, record: readOffsetRecord(found.value) };
    known.set(placeOf(entry), loaded);
    return loaded;
  }

  /** The write that an entry needs; none where the position is that far already. Throws where it must not be written. */
  async function plan({ entry, next, epoch = epochOf(entry, next) }: Pending) {
    let found = known.get(placeOf(entry));
    // A record from memory that would refuse, or makes the write needless, may be out of date.
    if (refuses(entry, found?.record) || (found && found.record.next >= next)) {
      found = await confirmed(
        coordination,
        () => load(entry),
        (now) => refuses(entry, now?.record),
      );
    }
    if (!found) await requireSubscriber(coordination, entry.subscriber);
    if (!found || !accepts(found.record, entry.generation)) throw fenced(entry, found?.record.generation);
    if (found.record.incarnation !== entry.incarnation) {
      throw new BusError(
        'CURSOR_STALE_TOPIC',
        `the cursor is of an earlier topic ${entry.topic} that has been deleted since`,
      );
    }
    if (found.record.next >= next) return { done: found.record.next };
    const attempts = attemptsAfterCommit(found.record.attempts, next);
    const record: OffsetRecord = { ...found.record, next, epoch, committedAt: clock.wallTime(), attempts };
    return { version: found.version, record };
  }

  function tell({ subscriber, topic, incarnation, partition }: CommitEntry, next: number): void {
    for (const listener of listeners.get(subscriber) ?? []) listener(topic, incarnation, partition, next);
  }

  async function writeRound(round: ReadonlyMap<string, Pending>): Promise<void> {
    let left = [...round];
    for (let attempt = 0; left.length > 0; attempt++) {
      const planned = await Promise.all(
        left.map(async ([key, item]) => {
          try {
            const action = await plan(item);
            if ('done' in action) {
              settle(item, action.done);
              tell(item.entry, item.next);
              return undefined;
            }
            return { key, item, ...action };
          } catch (error) {
            refuse(item, error);
            return undefined;
          }
        }),
      );
      const writes = planned.filter((action) => action !== undefined);
      if (writes.length === 0) return;
      const outcomes = await coordination.setMany(
        writes.map(({ item: { entry }, record, version }) => ({
          path: offsetPath(entry.subscriber, entry.topic, entry.partition),
          value: writeRecord(record),
          version,
        })),
      );
      left = [];
      writes.forEach(({ key, item, record }, i) => {
        const outcome = outcomes[i];
        if (outcome && 'version' in outcome) {
          known.set(placeOf(item.entry), { version: outcome.version, record });
          settle(item, record.next);
          tell(item.entry, record.next);
          return;
        }
        known.delete(placeOf(item.entry));
        const error = outcome?.error ?? new CoordinationError('unavailable', 'the write was not answered');
        const raced = error.kind === 'conflict' || error.kind === 'missing';
        if (raced && attempt < attempts) left.push([key, item]);
        else refuse(item, raced ? new CoordinationError('unavailable', 'too many races', { cause: error }) : error);
      });
    }
  }

  async function run(): Promise<void> {
    while (pending.size > 0) {
      const round = pending;
      pending = new Map();
      const begun = clock.now();
      try {
        await writeRound(round);
      } catch (error) {
        for (const item of round.values()) refuse(item, error);
      }
      const wanted = round.size * pausePerPositionMs + (clock.now() - begun) * pausePerWriteMs;
      await clock.sleep(Math.min(longestPauseMs, wanted));
    }
    writing = undefined;
  }

  return {
    commit: (entry) =>
      new Promise((resolve, reject) => {
        const key = `${placeOf(entry)}\0${entry.incarnation}\0${entry.generation}`;
        const waiter = { resolve, reject };
        const item = pending.get(key);
        if (item) {
          if (entry.next >= item.next) item.epoch = entry.epoch;
          item.next = Math.max(item.next, entry.next);
          item.waiters.push(waiter);
        } else {
          pending.set(key, { entry, next: entry.next, epoch: entry.epoch, waiters: [waiter] });
        }
        writing ??= run();
      }),
    listen(subscriber, listener) {
      const ofSubscriber = listeners.get(subscriber) ?? new Set();
      listeners.set(subscriber, ofSubscriber.add(listener));
      return () => {
        ofSubscriber.delete(listener);
        if (ofSubscriber.size === 0 && listeners.get(subscriber) === ofSubscriber) listeners.delete(subscriber);
      };
    },
    drain: async () => writing,
  };
}

const placeOf = ({ subscriber, topic, partition }: CommitEntry) => `${subscriber}\0${topic}\0${partition}`;

/**
 * The fence. The owner of that generation has held the partition since: nobody has claimed it after that, or the same owner has kept it under a later
 * one. Whether it still is connected does not matter: what a stream had sent may be committed when it is over, until somebody claims.
 */
function accepts({ generation, earlier }: OffsetRecord, named: number): boolean {
  return generation === named || earlier.includes(named);
}

/** No commit of that entry can succeed on such a record. */
function refuses({ generation, incarnation }: CommitEntry, record: OffsetRecord | undefined): boolean {
  return record === undefined || !accepts(record, generation) || record.incarnation !== incarnation;
}

function settle(item: Pending, offset: number): void {
  for (const waiter of item.waiters) waiter.resolve(offset);
}

function refuse(item: Pending, error: unknown): void {
  const refusal = toBusError(error);
  for (const waiter of item.waiters) waiter.reject(refusal);
}

function fenced({ subscriber, topic, partition, generation }: CommitEntry, current: number | undefined): BusError {
  const why =
    current === undefined
      ? `${subscriber} has no position there; subscribe first`
      : `generation ${generation} is not the current one (${current}): another stream owns it`;
  return new BusError('FENCED', `partition ${partition} of ${topic} cannot be committed: ${why}`, {
    metadata: {
      topic,
      partition: String(partition),
      ...(current === undefined ? {} : { generation: String(current) }),
    },
  });
}
