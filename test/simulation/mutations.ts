import { readOffsetRecord, writeRecord } from '../../src/core/offsets/records.js';
import type { Coordination, Path, Session, Write } from '../../src/core/ports/coordination.js';
import type { EventLog, TailSink } from '../../src/core/ports/event-log.js';
import type { MemoryWorld } from '../../src/drivers/memory/index.js';
import type { Mutation } from './bus.js';
import type { Rule } from './violation.js';

/** A bus that breaks a promise, and by which of its rules the checker may find out. */
export interface BrokenBus extends Mutation {
  readonly name: string;
  readonly rules: readonly Rule[];
}

const isOffset = (path: Path): boolean => path[0] === 'subscribers' && path[2] === 'offsets' && path.length === 5;

/** Whether a write of an offset record leaves the ownership as it is. */
function isCommit(world: MemoryWorld, { path, value }: Write): boolean {
  const before = world.records.get(path);
  if (!before || before.value.length === 0) return false;
  return readOffsetRecord(before.value).generation === readOffsetRecord(value).generation;
}

/** Coordination in which some writes of offset records are done in another way. */
function rewriting(
  coordination: Coordination,
  applies: (write: Write) => boolean,
  write: (write: Write, honest: () => Promise<number>) => Promise<number>,
): Coordination {
  const one = (each: Write) => {
    const honest = () => coordination.set(each.path, each.value, each.version);
    return isOffset(each.path) && applies(each) ? write(each, honest) : honest();
  };
  return override(coordination, {
    set: (path, value, version) => one({ path, value, version }),
    setMany: (writes) =>
      Promise.all(
        writes.map((each) =>
          one(each).then(
            (version) => ({ version }),
            (error) => ({ error }),
          ),
        ),
      ),
  });
}

function override<T extends object>(base: T, changes: Partial<T>): T {
  return new Proxy(base, {
    get: (target, name) => Reflect.get(name in changes ? changes : target, name),
  });
}

/** Answers before it is done, whatever comes of it. */
function early({ version }: Write, honest: () => Promise<number>): Promise<number> {
  void honest().catch(() => undefined);
  return Promise.resolve(version + 1);
}

function withSink(log: EventLog, sinkOf: (sink: TailSink) => TailSink): EventLog {
  return override(log, { openTail: (sink) => log.openTail(sinkOf(sink)) });
}

export const brokenBuses: readonly BrokenBus[] = [
  {
    name: 'skips the fence: writes offset records whatever their version',
    rules: ['generation', 'commit_back', 'fence', 'unasked'],
    coordination: (coordination) =>
      rewriting(
        coordination,
        () => true,
        async ({ path, value, version }) => {
          const now = await coordination.get(path);
          return coordination.set(path, value, now?.version ?? version);
        },
      ),
  },
  {
    name: 'answers a commit before its write',
    rules: ['unwritten'],
    coordination: (coordination, world) => rewriting(coordination, (write) => isCommit(world, write), early),
  },
  {
    name: 'delivers before its claim is written',
    rules: ['unowned'],
    coordination: (coordination, world) => rewriting(coordination, (write) => !isCommit(world, write), early),
  },
  {
    name: 'commits one record too many',
    rules: ['unasked', 'lost', 'behind', 'skipped'],
    coordination: (coordination, world) =>
      rewriting(
        coordination,
        (write) => isCommit(world, write),
        ({ path, value, version }) => {
          const record = readOffsetRecord(value);
          return coordination.set(path, writeRecord({ ...record, next: record.next + 1 }), version);
        },
      ),
  },
  {
    name: 'moves a committed position back now and then',
    rules: ['commit_back', 'unwritten'],
    coordination: (coordination, world) => {
      let count = 0;
      return rewriting(
        coordination,
        (write) => isCommit(world, write) && ++count % 5 === 0,
        ({ path, value, version }) => {
          const record = readOffsetRecord(value);
          return coordination.set(path, writeRecord({ ...record, next: Math.max(0, record.next - 3) }), version);
        },
      );
    },
  },
  {
    name: 'goes on when its session is lost',
    rules: ['zombie', 'refused'],
    // One instance is cut off for long while another one can take over.
    plan: (plan) => ({
      ...plan,
      calm: false,
      buses: 2,
      roughMs: 30_000,
      everyMs: 3_000,
      publishEveryMs: 200,
      topics: [{ name: 'orders', partitions: 2 }],
      subscribers: [{ name: 'datamart', clients: 4, command: { topic: 'orders', subscriber: 'datamart' } }],
      actions: ['cut coordination'],
    }),
    coordination: (coordination) => {
      const blind = new WeakMap<Session, Session>();
      return override(coordination, {
        async session() {
          const session = await coordination.session();
          const known = blind.get(session);
          if (known) return known;
          const made = override<Session>(session, { isLive: () => true, lost: new AbortController().signal });
          blind.set(session, made);
          return made;
        },
      });
    },
  },
  {
    name: 'drops a record on its way to the streams',
    rules: ['skipped'],
    log: (log) =>
      withSink(log, (sink) => ({
        stopped: (...args) => sink.stopped(...args),
        slice: (topic, partition, slice) =>
          sink.slice(topic, partition, {
            ...slice,
            records: slice.records.filter(({ offset }) => offset % 7 !== 6),
          }),
      })),
  },
  {
    name: 'delivers two records in the wrong order',
    rules: ['order', 'skipped'],
    log: (log) =>
      withSink(log, (sink) => ({
        stopped: (...args) => sink.stopped(...args),
        slice: (topic, partition, slice) =>
          sink.slice(topic, partition, { ...slice, records: [...slice.records].reverse() }),
      })),
  },
  {
    name: 'acknowledges an event that it has not stored',
    rules: ['lost'],
    log: (log) => {
      let count = 0;
      return override(log, {
        append: async (topic, partition, records, isWanted, patienceMs) => {
          if (++count % 10 > 0) return log.append(topic, partition, records, isWanted, patienceMs);
          const { highWatermark } = await log.bounds(topic, partition);
          return { baseOffset: highWatermark, timestamp: 0 };
        },
      });
    },
  },
  {
    name: 'does not see the identities of the events that others have stored',
    rules: ['twice'],
    publisherLog: (log) =>
      override(log, {
        read: async (...args) => {
          const result = await log.read(...args);
          return result.outcome === 'ok' ? { ...result, records: [] } : result;
        },
      }),
  },
  {
    name: 'is late with its heartbeats',
    rules: ['silent'],
    clock: (clock) => ({
      ...clock,
      setTimeout: (callback, ms) => clock.setTimeout(callback, ms >= 900 && ms <= 10_000 ? ms * 1.5 : ms),
    }),
  },
];
