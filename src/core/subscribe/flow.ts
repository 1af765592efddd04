import type { Committer } from '../offsets/committer.js';
import { type Held, keyOf } from '../offsets/hand-over.js';
import type { Membership } from '../offsets/member.js';
import { offsetPath, readOffset } from '../offsets/records.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { Delivery, SubscribeCommand } from './frames.js';
import { createUncommitted } from './uncommitted.js';

/** How far a stream may run ahead of its commits, and for how long it may be idle. */
export interface Flow {
  /** How many records may be sent now; 0: none before the next commit. */
  room(): number;
  /** What the stream owns has changed. */
  owns(held: ReadonlyMap<string, Held>): void;
  /** Records were sent. */
  sent(deliveries: readonly Delivery[], keyOf: (partition: number) => string): void;
  /** A frame is handed to the transport. */
  handed(): void;
  /** The transport has asked for the next one: it has taken what was handed to it. `records`: it was a frame of records. */
  taken(records: boolean): void;
}

export interface FlowOptions {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly committer: Committer;
  readonly subscriber: string;
  readonly command: SubscribeCommand;
  /** There is room again. */
  wake(): void;
  readonly membership: Membership;
  readonly signal: AbortSignal;
}

/** No bounds: nothing is counted, and nothing watched. */
const unbounded: Flow = {
  room: () => Number.POSITIVE_INFINITY,
  owns: () => undefined,
  sent: () => undefined,
  handed: () => undefined,
  taken: () => undefined,
};

/**
 * Commits may arrive at any instance. Those of this process are heard of at once; of the others a watch on each of the stream's offset records tells, which
 * is set only for streams that ask for a bound.
 */
export function createFlow(options: FlowOptions): Flow {
  const { coordination, clock, committer, subscriber, command, membership, signal } = options;
  const { maxUncommitted, maxUncommittedBytes, commitTimeoutMs, commitMode } = command;
  const hasBound = maxUncommitted !== undefined || maxUncommittedBytes !== undefined || commitTimeoutMs !== undefined;
  // What is committed before it is sent is never uncommitted.
  if (!hasBound || commitMode === 'before_delivery') return unbounded;
  const uncommitted = createUncommitted();
  const watches = new Map<string, () => void>();
  let owned: ReadonlyMap<string, Held> = new Map();
  let lastSign = clock.now();
  /** Since when the transport has not taken what it has. */
  let handedAt: number | undefined;
  let timer: Timer | undefined;

  function sign(): void {
    lastSign = clock.now();
    membership.yield(false);
  }

  function committed(key: string, next: number): void {
    const before = uncommitted.records;
    uncommitted.committed(key, next);
    if (uncommitted.records === before) return;
    sign();
    options.wake();
  }

  function watch(key: string, { topic, partition }: Held): void {
    const look = () => {
      readOffset(coordination, subscriber, topic.name, partition).then(
        (entry) => entry?.record.incarnation === topic.incarnation && committed(key, entry.record.next),
        // The watch calls again when coordination is back.
        () => undefined,
      );
    };
    watches.set(key, coordination.watch(offsetPath(subscriber, topic.name, partition), 'value', look));
  }

  /** Not read at all, or read and not committed; heartbeats are no reading. */
  function checkIdle(timeoutMs: number): void {
    const now = clock.now();
    const since = Math.min(uncommitted.records > 0 ? lastSign : now, handedAt ?? now);
    const left = since + timeoutMs - now;
    if (left <= 0 && membership.isWaitedFor) membership.yield(true);
    timer = clock.setTimeout(() => checkIdle(timeoutMs), left > 0 ? left : timeoutMs).unref();
  }

  const unlisten = committer.listen(subscriber, (name, incarnation, partition, next) => {
    committed(keyOf({ name, incarnation }, partition), next);
  });
  if (commitTimeoutMs !== undefined) checkIdle(commitTimeoutMs);
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
      if (maxUncommittedBytes !== undefined && uncommitted.bytes >= maxUncommittedBytes) return 0;
      return Math.max(0, (maxUncommitted ?? Number.POSITIVE_INFINITY) - uncommitted.records);
    },
    owns(held) {
      // What was lost and is owned again is sent again, and counts anew.
      uncommitted.keep((key) => held.get(key) === owned.get(key));
      owned = new Map(held);
      for (const [key, stop] of watches) {
        if (held.has(key)) continue;
        stop();
        watches.delete(key);
      }
      if (signal.aborted) return;
      for (const [key, each] of held) if (!watches.has(key)) watch(key, each);
    },
    sent: (deliveries, keyOfPartition) => uncommitted.sent(deliveries, keyOfPartition),
    handed() {
      handedAt = clock.now();
    },
    taken(records) {
      handedAt = undefined;
      // Whoever was not read at all, and had nothing to commit, is heard of again by any frame.
      if (records || uncommitted.records === 0) sign();
    },
  };
}
