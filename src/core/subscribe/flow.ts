import type { Committer } from '../offsets/committer.js';
import { type Held, keyOf } from '../offsets/hand-over.js';
import { keptAliveAt } from '../offsets/keep-alive.js';
import type { Membership } from '../offsets/member.js';
import { offsetPath, readOffset } from '../offsets/records.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { Delivery, SubscribeCommand } from './frames.js';
import { createPace } from './pace.js';
import type { Suspects } from './suspects.js';
import { createUncommitted } from './uncommitted.js';

/** How far a stream may run ahead of its commits, and for how long its consumer may give no sign of life. */
export interface Flow {
  /** How many records the next frame may have; 0: none before the next commit. */
  room(): number;
  /** What the stream owns has changed. */
  owns(held: ReadonlyMap<string, Held>): void;
  /** Records were sent. */
  sent(deliveries: readonly Delivery[], keyOf: (partition: number) => string): void;
  /** A frame is handed to the transport. */
  handed(): void;
  /** The transport has asked for the next one: it has taken what was handed to it. `records`: it was a frame of records. */
  taken(records: boolean): void;
  /** Of a stream whose client says where partitions begin: this one begins there. */
  positioned(key: string, next: number): void;
  /** The consumer has said that it lives. */
  keepAlive(): void;
}

export interface FlowOptions {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly committer: Committer;
  readonly subscriber: string;
  readonly streamId: string;
  readonly command: SubscribeCommand;
  /** There is room again. */
  wake(): void;
  readonly membership: Membership;
  /** Of a stream with `max_deliveries`. */
  readonly suspects: Suspects | undefined;
  readonly signal: AbortSignal;
}

/** No bounds: nothing is counted, and nothing watched. */
const unbounded: Flow = {
  room: () => Number.POSITIVE_INFINITY,
  owns: () => undefined,
  sent: () => undefined,
  handed: () => undefined,
  taken: () => undefined,
  positioned: () => undefined,
  keepAlive: () => undefined,
};

/** Where the caller does not choose. */
const defaultCommitTimeoutMs = 5 * 60_000;
/** How often commits at other instances are looked for while nothing is heard of any here. */
const lookMs = { least: 250, most: 5_000 };
/** How many offset records one look reads; the next look goes on behind them. */
const mostLooks = 64;

/**
 * Signs of life are every commit that moves a position (also one of a park), KeepAlive, and the taking of a frame. A consumer has to be able to give one
 * within the timeout: so while it commits by itself, a frame holds at most as many records as it has committed in the last half of the timeout.
 *
 * Commits may arrive at any instance. Those of this process are heard of at once. With a bound on what is uncommitted, a watch on each of the stream's offset
 * records tells of the others; without one they are looked for from time to time, because a watch costs every commit a round trip.
 */
export function createFlow(options: FlowOptions): Flow {
  const { coordination, clock, committer, subscriber, streamId, command, membership, suspects, signal } = options;
  const { maxUncommitted, maxUncommittedBytes, commitMode = 'explicit', parkKeySequence = false } = command;
  const timeoutMs = command.commitTimeoutMs ?? defaultCommitTimeoutMs;
  const hasBound =
    maxUncommitted !== undefined || maxUncommittedBytes !== undefined || suspects !== undefined || parkKeySequence;
  // What is committed before it is sent is never uncommitted.
  if ((!hasBound && timeoutMs === 0) || commitMode === 'before_delivery') return unbounded;
  const uncommitted = createUncommitted({ countsBytes: maxUncommittedBytes !== undefined, isExact: hasBound });
  // A client that holds its positions itself need not commit: its frames say nothing about its pace.
  const isPaced = timeoutMs > 0 && commitMode === 'explicit' && command.positionsFrom !== 'client';
  const pace = isPaced ? createPace(clock, timeoutMs / 2) : undefined;
  const watches = new Map<string, () => void>();
  /** How far each partition is committed, as far as is known here. */
  const committedTo = new Map<string, number>();
  /** The furthest position of each partition that this stream's consumer has committed, or has begun at: what lies beyond it is news. */
  const known = new Map<string, number>();
  let owned: ReadonlyMap<string, Held> = new Map();
  let lastSign = clock.now();
  /** Since when the transport has not taken what it has. */
  let handedAt: number | undefined;
  let timer: Timer | undefined;
  const least = Math.min(lookMs.most, Math.max(lookMs.least, timeoutMs / 8));
  let nextLook = { at: clock.now() + least, afterMs: least };
  let lookFrom = 0;
  let aliveAt = 0;

  function sign(): void {
    lastSign = clock.now();
    membership.yield(false);
  }

  function committed(key: string, next: number): void {
    const before = known.get(key);
    if (before === undefined || next <= before) return;
    known.set(key, next);
    committedTo.set(key, Math.max(next, committedTo.get(key) ?? 0));
    suspects?.committed(key, next);
    const released = uncommitted.committed(key, next);
    pace?.add(released);
    nextLook = { at: clock.now() + least, afterMs: least };
    sign();
    if (hasBound) options.wake();
  }

  /** Looks how far a partition is committed. */
  async function look(key: string): Promise<void> {
    const held = owned.get(key);
    if (!held) return;
    const entry = await readOffset(coordination, subscriber, held.topic.name, held.partition);
    if (entry?.record.incarnation === held.topic.incarnation) committed(key, entry.record.next);
  }

  function watch(key: string, { topic, partition }: Held): void {
    // The watch calls again when coordination is back.
    const onChange = () => void look(key).catch(() => undefined);
    watches.set(key, coordination.watch(offsetPath(subscriber, topic.name, partition), 'value', onChange));
  }

  /** Looks for commits at other instances. Each look begins behind the one before. */
  async function lookElsewhere(most: number): Promise<void> {
    const keys = [...uncommitted.keys()];
    const first = keys.length > most ? lookFrom % keys.length : 0;
    lookFrom = first + most;
    await Promise.all([...keys.slice(first), ...keys.slice(0, first)].slice(0, most).map(look));
  }

  /** How much of the timeout is left: not read at all, or read and not committed; heartbeats are no reading. */
  function left(): number {
    const now = clock.now();
    const sinceCommit = uncommitted.records > 0 ? lastSign : now;
    const sinceTaken = handedAt === undefined ? now : Math.max(handedAt, lastSign);
    return Math.min(sinceCommit, sinceTaken) + timeoutMs - now;
  }

  /** Before a partition is given up, everything is looked at: the consumer may live at another instance. */
  async function livesElsewhere(): Promise<boolean> {
    await lookElsewhere(Number.POSITIVE_INFINITY);
    const at = await keptAliveAt(coordination, subscriber, streamId);
    if (at > aliveAt && clock.wallTime() - at < timeoutMs) sign();
    aliveAt = Math.max(aliveAt, at);
    return left() > 0;
  }

  async function check(): Promise<void> {
    try {
      if (!hasBound && uncommitted.records > 0 && clock.now() >= nextLook.at) {
        const afterMs = Math.min(nextLook.afterMs * 2, Math.max(least, timeoutMs / 4));
        nextLook = { at: clock.now() + afterMs, afterMs };
        await lookElsewhere(mostLooks);
      }
      if (left() <= 0 && membership.isWaitedFor && !(await livesElsewhere()) && membership.isWaitedFor) {
        membership.yield(true);
      }
    } catch {
      // While coordination is away nobody takes anything over either.
    }
    if (signal.aborted) return;
    const soon = left() > 0 ? left() : timeoutMs;
    timer = clock.setTimeout(() => void check(), Math.min(soon, least)).unref();
  }

  const unlisten = committer.listen(subscriber, (name, incarnation, partition, next) => {
    committed(keyOf({ name, incarnation }, partition), next);
  });
  if (timeoutMs > 0) void check();
  signal.addEventListener(
    'abort',
    () => {
      unlisten();
      timer?.close();
      for (const stop of watches.values()) stop();
      watches.clear();
    },
    { once: true },
  );

  return {
    room() {
      // One frame at a time: the next one is looked through when it is known what of this one is parked.
      if (parkKeySequence && uncommitted.records > 0) return 0;
      if (suspects?.any) return uncommitted.records > 0 ? 0 : 1;
      if (maxUncommittedBytes !== undefined && uncommitted.bytes >= maxUncommittedBytes) return 0;
      const frame = pace ? Math.max(1, pace.total) : Number.POSITIVE_INFINITY;
      return Math.max(0, Math.min(frame, (maxUncommitted ?? Number.POSITIVE_INFINITY) - uncommitted.records));
    },
    owns(held) {
      // What was lost and is owned again is sent again, and counts anew.
      uncommitted.keep((key) => held.get(key) === owned.get(key));
      for (const [key, each] of held) {
        if (owned.get(key) === each) continue;
        known.set(key, each.next);
        committedTo.set(key, each.next);
      }
      for (const key of known.keys()) {
        if (held.has(key)) continue;
        known.delete(key);
        committedTo.delete(key);
      }
      suspects?.owns(held);
      owned = new Map(held);
      for (const [key, stop] of watches) {
        if (held.has(key)) continue;
        stop();
        watches.delete(key);
      }
      if (signal.aborted || !hasBound) return;
      for (const [key, each] of held) if (!watches.has(key)) watch(key, each);
    },
    sent(deliveries, keyOfPartition) {
      const keys: string[] = [];
      uncommitted.sent(deliveries, (partition) => {
        const key = keyOfPartition(partition);
        keys.push(key);
        return key;
      });
      // What is sent again, to a store that was restored, is committed already.
      for (const key of keys) uncommitted.committed(key, committedTo.get(key) ?? 0);
      if (suspects?.any)
        for (const { partition, record } of deliveries) suspects.sent(keyOfPartition(partition), record.offset);
    },
    positioned: (key, next) => known.set(key, next),
    handed() {
      handedAt = clock.now();
    },
    taken(records) {
      handedAt = undefined;
      // Whoever was not read at all, and had nothing to commit, is heard of again by any frame.
      if (records || uncommitted.records === 0) sign();
    },
    keepAlive: sign,
  };
}
