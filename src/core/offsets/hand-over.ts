import { CoordinationError, type Session, type Write } from '../ports/coordination.js';
import { createWakeup } from '../subscribe/wakeup.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { DeliveryAttempts } from './attempts.js';
import { claimOf, isNewer, type PositionCheck, stamped } from './claims.js';
import type { FirstPositionsOptions, firstPositionsInTurn } from './first-positions.js';
import { type OffsetRecord, offsetPath, readOffset, type Versioned, writeRecord } from './records.js';

/** A partition of a topic's present life. */
export interface PartitionOf {
  readonly topic: ActiveTopic;
  readonly partition: number;
}

/** A partition that a stream owns. A new object for each new ownership. */
export interface Held extends PartitionOf {
  /** Where to go on. */
  readonly next: number;
  /** The committed offset of an earlier topic of the same name: it means nothing now. */
  readonly recreated: number | undefined;
  /** How often records from `next` on were sent before, without a commit. */
  readonly attempts: DeliveryAttempts | undefined;
  /** The committed offset, which the log has lost records before: it goes on from a smaller one. */
  readonly truncated: number | undefined;
}

/** What a stream is to own. */
export interface Target {
  readonly generation: number;
  readonly partitions: ReadonlyMap<string, PartitionOf>;
}

export const keyOf = (topic: Pick<ActiveTopic, 'name' | 'incarnation'>, partition: number): string =>
  `${topic.name}/${topic.incarnation}/${partition}`;

/** The attempts that count where the committed position is at `next`. */
export type AttemptsAt = (next: number) => DeliveryAttempts | undefined;

export interface HandOverOptions extends FirstPositionsOptions {
  readonly writeFirstPositions: ReturnType<typeof firstPositionsInTurn>;
  readonly streamId: string;
  /** Throws where a topic's life is not the present one: asked before positions of another life are given up. */
  confirm(topic: ActiveTopic): Promise<void>;
  /**
   * Judges a committed position before its partition is claimed. `at`: the log has lost records before it, and this is where to go on. `epoch`: the present one. Throws CURSOR_AHEAD where
   * the position lies beyond the log's end.
   */
  checkPosition(at: PartitionOf, next: number, epoch: number | undefined): Promise<PositionCheck>;
  /** Whether the stream can serve a topic by now; if not, it says so by `look` when it can. */
  isReady(topic: ActiveTopic): boolean;
  /** Where the stream stands in a partition that it owns: everything before has been sent. */
  sent(held: Held): number;
  /**
   * Called when a partition is owned no more, with everything before `sent` sent. The answer tells the attempts to write once the committed
   * position is known for good. Left out by streams that do not count.
   */
  departure?: ((held: Held, sent: number) => AttemptsAt) | undefined;
  /** Whether a stream is connected, as far as is known. */
  isConnected(streamId: string): boolean;
  /** `held` or `generation` has changed. */
  onChange(): void;
  /** An offset record has a generation that is larger than the target's: it is out of date, or the assignment has lost count. */
  onSuperseded(at: PartitionOf, generation: number): void;
  /** Something that was waited for may have happened: `settle` again. */
  look(): void;
}

/** One stream's part in the changes of ownership: takes over what it is given, and gives up what it is not given any more. */
export interface HandOver {
  /** By key. Never more than the target has. */
  readonly held: ReadonlyMap<string, Held>;
  /** Of what is held; 0 if nothing is. */
  readonly generation: number;
  /** What is to be owned from now on. What it lacks is not held any more when this returns. */
  aim(target: Target, session: Session): void;
  /** The log has lost records before the stream's position: gives the partition up, and claims it under a larger generation, so that no late commit of what was lost counts. */
  reclaim(key: string): boolean;
  /** The session is over: nothing is held, and nothing to be released. */
  forget(): void;
  /**
   * Goes towards the target as far as is possible now; resolves with the milliseconds after which to call it again. One call at a time. Throws
   * CoordinationErrors, and what the options throw.
   */
  settle(): Promise<number>;
  /** The stream is over: waits, bounded, until what it has sent is committed. Never rejects. */
  finish(): Promise<void>;
}

/** How long a partition that is to go is kept for the commit of what was sent. */
const releaseMs = 1_000;
/** The same when the stream is over: perhaps its client is too, and nobody commits any more. */
const finishMs = 500;
/** How long an owner may take to give a partition up. Then it is taken, and its commits are refused. */
const takeMs = 1_500;
const attempts = 20;

interface Leaving extends Held {
  readonly sent: number;
  readonly until: number;
  readonly attemptsAt: AttemptsAt | undefined;
}

/**
 * The rules, all kept by compare-and-set on the offset record:
 *
 * - A partition is claimed (generation and owner written) before anything of it is delivered. From then on no commit of an earlier owner succeeds.
 * - A claim never lowers a generation, and follows from an assignment that gives the partition to the stream under that generation.
 * - A partition whose owner is connected is claimed once it has been given up, or after 1.5 s.
 * - Who loses a partition stops delivering it at once, and gives it up when everything that was sent is committed, or after 1 s.
 * - What is kept under a new generation is written anew, and remembers the old one: commits under way go on to count.
 */
export function createHandOver(options: HandOverOptions): HandOver {
  const { coordination, clock, subscriber, streamId } = options;
  const held = new Map<string, Held>();
  const leaving = new Map<string, Leaving>();
  /** Since when the owner of a partition that is to be taken over has been waited for. */
  const waitedSince = new Map<string, number>();
  const watches = new Map<string, () => void>();
  /** Partitions to be claimed anew, and the generations that their next claims have to be above. */
  const reclaimed = new Map<string, number>();
  let look = options.look;
  let generation = 0;
  let target: Target = { generation: 0, partitions: new Map() };
  let session: Session | undefined;

  const pathOf = ({ topic, partition }: PartitionOf) => offsetPath(subscriber, topic.name, partition);
  const read = ({ topic, partition }: PartitionOf) => readOffset(coordination, subscriber, topic.name, partition);

  /** What is not to be owned any more is not held any more, from now on. */
  function drop(): void {
    let changed = false;
    for (const [key, each] of held) {
      if (target.partitions.has(key)) continue;
      held.delete(key);
      const sent = options.sent(each);
      leaving.set(key, { ...each, sent, until: clock.now() + releaseMs, attemptsAt: options.departure?.(each, sent) });
      changed = true;
    }
    for (const key of reclaimed.keys()) if (!target.partitions.has(key)) reclaimed.delete(key);
    for (const key of waitedSince.keys()) if (!target.partitions.has(key)) waitedSince.delete(key);
    if (changed) options.onChange();
  }

  function watch(key: string, at: PartitionOf): void {
    if (!watches.has(key))
      watches.set(
        key,
        coordination.watch(pathOf(at), 'value', () => look()),
      );
  }

  function unwatch(isNeeded: (key: string) => boolean): void {
    for (const [key, stop] of watches) {
      if (isNeeded(key)) continue;
      watches.delete(key);
      stop();
    }
  }

  function givenUp({ attemptsAt }: Leaving, record: OffsetRecord): OffsetRecord {
    return { ...record, owner: undefined, attempts: attemptsAt ? attemptsAt(record.next) : record.attempts };
  }

  /** The stream is over and these are uncommitted: writes the attempts, so that the next owner knows of them. */
  async function writeAttempts(open: readonly Leaving[]): Promise<void> {
    const counted = open.filter(({ attemptsAt }) => attemptsAt !== undefined);
    if (counted.length === 0) return;
    const entries = await Promise.all(counted.map(async (each) => ({ each, entry: await read(each) })));
    await coordination.setMany(
      entries.flatMap(({ each, entry }) =>
        entry?.record.owner === streamId
          ? [{ path: pathOf(each), value: writeRecord(givenUp(each, entry.record)), version: entry.version }]
          : [],
      ),
    );
  }

  /** Gives up what can be given up now. Returns how long the rest may take. */
  async function release(): Promise<number> {
    // Watched before it is read, so that no commit is missed.
    for (const [key, each] of leaving) if (each.sent > each.next) watch(key, each);
    const found = await Promise.all([...leaving].map(async ([key, each]) => ({ key, each, entry: await read(each) })));
    const now = clock.now();
    const writes: (Write & { readonly key: string })[] = [];
    for (const { key, each, entry } of found) {
      if (leaving.get(key) !== each) continue;
      if (entry?.record.owner !== streamId) leaving.delete(key);
      // What comes back is not given up, but claimed anew.
      else if (target.partitions.has(key)) continue;
      else if (entry.record.next >= each.sent || now >= each.until) {
        const record = givenUp(each, entry.record);
        writes.push({ key, path: pathOf(each), value: writeRecord(record), version: entry.version });
      }
    }
    const outcomes = writes.length > 0 ? await coordination.setMany(writes) : [];
    writes.forEach(({ key }, i) => {
      const outcome = outcomes[i];
      if (outcome && 'version' in outcome) leaving.delete(key);
      else if (outcome && outcome.error.kind !== 'conflict' && outcome.error.kind !== 'missing') throw outcome.error;
    });
    if (outcomes.some((outcome) => 'error' in outcome)) return 0;
    const ends = [...leaving].filter(([key]) => !target.partitions.has(key)).map(([, { until }]) => until);
    return Math.max(0, Math.min(...ends) - clock.now());
  }

  /** Takes what can be taken now. Returns how long the rest may take. */
  async function take(): Promise<number> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const left = await takeOnce(target);
      if (left !== 'again') return left;
    }
    throw new CoordinationError('unavailable', `the positions of ${subscriber} change too fast to be taken over`);
  }

  async function takeOnce(aimed: Target): Promise<number | 'again'> {
    const at = session;
    const isStill = () => target === aimed && session === at && at?.isLive() === true;
    if (!at || !isStill()) return target === aimed ? Number.POSITIVE_INFINITY : 'again';
    const gained = [...aimed.partitions].filter(
      ([key, { topic }]) => !held.has(key) && aimed.generation > (reclaimed.get(key) ?? -1) && options.isReady(topic),
    );
    // Also without a gain: a new generation tells that something went to and fro, and may have been somebody else's.
    const kept = aimed.generation === generation ? [] : [...held];
    if (gained.length + kept.length === 0) return Number.POSITIVE_INFINITY;
    const records = await readAll([...gained, ...kept]);
    if (!records || !isStill()) return 'again';

    const newest = gained.find(([key]) => isNewer(records.get(key)?.record, aimed.generation));
    if (newest) {
      options.onSuperseded(newest[1], records.get(newest[0])?.record.generation ?? 0);
      return Number.POSITIVE_INFINITY;
    }
    // What somebody had claimed in between was not kept, though nobody noticed.
    const lost = kept.filter(([key]) => records.get(key)?.record.owner !== streamId);
    if (lost.length > 0) {
      for (const [key] of lost) held.delete(key);
      options.onChange();
      return 'again';
    }
    const patience = patienceFor(gained, records);
    if (patience > 0) return patience;

    for (const topic of new Set(gained.map(([, { topic: each }]) => each))) {
      const isOther = gained.some(
        ([key, { topic: each }]) => each === topic && records.get(key)?.record.incarnation !== topic.incarnation,
      );
      if (isOther) await options.confirm(topic);
    }
    const checks = await Promise.all(gained.map(([key, each]) => checkPosition(each, records.get(key)?.record)));
    const claims = gained.map(([key, each], i) => ({
      key,
      each,
      ...claimOf(
        each,
        records.get(key),
        { generation: aimed.generation, owner: streamId, at: clock.wallTime() },
        checks[i],
      ),
    }));
    const stamps = kept.flatMap(([key, each]) => {
      const found = records.get(key);
      if (!found || found.record.generation === aimed.generation) return [];
      return [
        { path: pathOf(each), value: writeRecord(stamped(found.record, aimed.generation)), version: found.version },
      ];
    });
    // Right before the write: a process that was stopped must not send what it had in mind.
    if (!isStill()) return 'again';
    const outcomes = await coordination.setMany([
      ...claims.map(({ each, record, version }) => ({ path: pathOf(each), value: writeRecord(record), version })),
      ...stamps,
    ]);
    for (const outcome of outcomes) {
      if (!('error' in outcome)) continue;
      if (outcome.error.kind === 'conflict' || outcome.error.kind === 'missing') return 'again';
      throw outcome.error;
    }
    if (session !== at || !at.isLive()) return 'again';
    for (const { key, each, next, recreated, truncated, attempts: before } of claims) {
      held.set(key, { ...each, next, recreated, truncated, attempts: before });
      reclaimed.delete(key);
      waitedSince.delete(key);
      leaving.delete(key);
    }
    generation = aimed.generation;
    options.onChange();
    drop();
    return 'again';
  }

  /** The records; undefined if some had to be created. */
  async function readAll(
    wanted: readonly (readonly [string, PartitionOf])[],
  ): Promise<Map<string, Versioned<OffsetRecord>> | undefined> {
    const records = new Map<string, Versioned<OffsetRecord>>();
    await Promise.all(
      wanted.map(async ([key, each]) => {
        const entry = await read(each);
        if (entry) records.set(key, entry);
      }),
    );
    // One that was never claimed may be there before the others of its topic are.
    const fresh = new Set(
      wanted.flatMap(([key, { topic }]) => ((records.get(key)?.record.generation ?? 0) === 0 ? [topic] : [])),
    );
    for (const topic of fresh) await options.writeFirstPositions(options, topic);
    return wanted.every(([key]) => records.has(key)) ? records : undefined;
  }

  /** How long to wait for those who own what is to be taken over: 0 when everything is free, or has been waited for long enough. */
  function patienceFor(
    gained: readonly (readonly [string, PartitionOf])[],
    records: ReadonlyMap<string, Versioned<OffsetRecord>>,
  ): number {
    const now = clock.now();
    let patience = 0;
    for (const [key, each] of gained) {
      const found = records.get(key)?.record;
      const owner = found?.owner;
      const mine = leaving.get(key);
      // It went and comes back: what was sent is committed first, as if it came from somebody else.
      if (found && mine && owner === streamId && found.next < mine.sent)
        patience = Math.max(patience, mine.until - now);
      if (owner === undefined || owner === streamId || !options.isConnected(owner)) continue;
      const since = waitedSince.get(key) ?? now;
      waitedSince.set(key, since);
      if (!watches.has(key)) {
        // It may have been given up before the watch was there: look once more.
        watch(key, each);
        look();
      }
      patience = Math.max(patience, since + takeMs - now);
    }
    return patience;
  }

  /** Another life's position counts for nothing. */
  async function checkPosition(
    each: PartitionOf,
    record: OffsetRecord | undefined,
  ): Promise<PositionCheck | undefined> {
    if (record?.incarnation !== each.topic.incarnation) return undefined;
    return options.checkPosition(each, record.next, record.epoch);
  }

  return {
    held,
    get generation() {
      return held.size === 0 ? 0 : generation;
    },
    aim(wanted, at) {
      target = wanted;
      session = at;
      drop();
    },
    reclaim(key) {
      const each = held.get(key);
      if (!each) return reclaimed.has(key);
      held.delete(key);
      reclaimed.set(key, generation);
      options.onChange();
      options.onSuperseded(each, generation);
      return true;
    },
    forget() {
      session = undefined;
      reclaimed.clear();
      target = { generation: 0, partitions: new Map() };
      leaving.clear();
      waitedSince.clear();
      unwatch(() => false);
      if (held.size === 0) return;
      held.clear();
      options.onChange();
    },
    async settle() {
      const left = await release();
      const patience = await take();
      unwatch((key) => leaving.has(key) || waitedSince.has(key));
      return Math.min(left, patience);
    },
    async finish() {
      target = { generation: 0, partitions: new Map() };
      drop();
      const until = clock.now() + finishMs;
      const changed = createWakeup(clock);
      look = changed.wake;
      unwatch(() => false);
      let open = [...leaving].filter(([, { sent, next }]) => sent > next);
      for (const [key, each] of open) watch(key, each);
      try {
        for (; session?.isLive() && clock.now() < until; await changed.wait(until - clock.now())) {
          const entries = await Promise.all(open.map(([, each]) => read(each)));
          open = open.filter(([, { sent }], i) => {
            const record = entries[i]?.record;
            return record?.owner === streamId && record.next < sent;
          });
          if (open.length === 0) break;
        }
        if (session?.isLive()) await writeAttempts(open.map(([, each]) => each));
      } catch {
        // Then nobody knows, and the records come again.
      } finally {
        changed.close();
        unwatch(() => false);
      }
    },
  };
}
