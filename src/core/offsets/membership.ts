import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError, type Session } from '../ports/coordination.js';
import { retry } from '../retry.js';
import { createWakeup } from '../subscribe/wakeup.js';
import { type Claimed, claimPartitions } from './claim.js';
import { readJson, streamsPath, subscriberPath, writeRecord } from './records.js';

/** What a stream owns at the moment. A new object for each new ownership. */
export interface Ownership extends Claimed {
  readonly topic: string;
}

/** A stream's part in its subscriber. */
export interface Membership {
  /** What the stream owns now; checks the lease by the clock, so it is right even in a process that was paused. */
  current(): Ownership | undefined;
  /** Set when the stream cannot go on as a member at all. */
  readonly failure: BusError | undefined;
  /** Resolves after the first decision about who owns the partitions. Rejects if coordination is not to be had now. */
  readonly ready: Promise<void>;
  /** The topic has got more partitions: the owner claims them too. */
  grow(partitions: number): void;
}

export interface MembershipRequest {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly streamId: string;
  readonly subscriber: string;
  readonly topic: string;
  readonly incarnation: string;
  readonly partitions: number;
  initial(): Promise<ReadonlyMap<number, number>>;
  /** Throws where the incarnation is not the topic's present one. */
  confirm(): Promise<void>;
  /** Called after each change of `current()` or `failure`. */
  onChange(): void;
  /** Ends the membership; the next stream in line takes over. */
  readonly signal: AbortSignal;
}

/**
 * Joins a subscriber. Streams of one subscriber and topic stand in line, in the order in which they joined; the first one owns all partitions.
 * Each stands there as an ephemeral record, so that one whose process dies leaves the line by itself; after a lost session
 * a stream joins anew, at the end.
 */
export function joinSubscriber(request: MembershipRequest): Membership {
  const { coordination, clock, signal, onChange } = request;
  let partitions = request.partitions;
  let owned: { readonly ownership: Ownership; readonly session: Session; readonly partitions: number } | undefined;
  let failure: BusError | undefined;
  const changed = createWakeup(clock);
  let onReady: () => void = () => undefined;
  let onNotReady: (error: unknown) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    onReady = resolve;
    onNotReady = reject;
  });
  ready.catch(() => undefined);
  signal.addEventListener('abort', changed.wake, { once: true });

  function own(next: typeof owned): void {
    if (owned === next) return;
    owned = next;
    onChange();
  }

  /** One stay in line, from joining to the end of the session or of the stream. */
  async function stay(session: Session): Promise<void> {
    const line = await joinLine(request, session);
    const unwatch = coordination.watch(streamsPath(request.subscriber), 'children', changed.wake);
    session.lost.addEventListener('abort', changed.wake, { once: true });
    try {
      while (!signal.aborted && !session.lost.aborted) {
        if (await line.isFirst()) {
          if (owned?.partitions !== partitions) await takeOver(session);
        } else own(undefined);
        onReady();
        await changed.wait(60_000);
      }
    } finally {
      own(undefined);
      unwatch();
      session.lost.removeEventListener('abort', changed.wake);
      await line.leave();
    }
  }

  async function takeOver(session: Session): Promise<void> {
    const count = partitions;
    const claimed = await claimPartitions(coordination, {
      ...request,
      partitions: Array.from({ length: count }, (_, partition) => partition),
      entitled: () => session.isLive() && !signal.aborted,
    });
    if (claimed) own({ ownership: { topic: request.topic, ...claimed }, session, partitions: count });
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await retry(async () => stay(await coordination.session()), {
        clock,
        signal,
        maxMs: 2_000,
        retries: (error) => {
          onNotReady(error);
          return isPassing(error);
        },
      });
    }
  }

  run().then(
    () => onNotReady(signal.reason),
    (error: unknown) => {
      onNotReady(error);
      if (signal.aborted) return;
      failure = toBusError(error);
      onChange();
    },
  );

  return {
    ready,
    current: () => (owned?.session.isLive() ? owned.ownership : undefined),
    get failure() {
      return failure;
    },
    grow(count) {
      if (count <= partitions) return;
      partitions = count;
      changed.wake();
    },
  };
}

/** What waiting may cure. */
function isPassing(error: unknown): boolean {
  if (error instanceof BusError) return error.retryable;
  return error instanceof CoordinationError && error.kind !== 'too_large';
}

interface Line {
  isFirst(): Promise<boolean>;
  /** Leaves, at once if that is possible; at the latest with the session. */
  leave(): Promise<void>;
}

async function joinLine(request: MembershipRequest, session: Session): Promise<Line> {
  const { coordination, clock, subscriber, topic, streamId } = request;
  const turn = await nextTurn(coordination, subscriber);
  const name = `${String(turn).padStart(16, '0')}.${streamId}`;
  const path = [...streamsPath(subscriber), name];
  /** The topics of the others in line: they never change. */
  const topics = new Map<string, unknown>([[name, topic]]);

  async function leave(): Promise<void> {
    await retry(() => coordination.delete(path), {
      clock,
      signal: session.lost,
      maxMs: 2_000,
      retries: (error) => error instanceof CoordinationError && error.kind !== 'missing',
    }).catch(() => undefined);
  }

  try {
    await session.createEphemeral(path, writeRecord({ topic }));
  } catch (error) {
    // It may have been created all the same, and would hold up the line.
    void leave();
    throw error;
  }
  return {
    leave,
    async isFirst() {
      const names = (await coordination.children(streamsPath(subscriber))).sort();
      for (const known of [...topics.keys()]) if (!names.includes(known)) topics.delete(known);
      if (!names.includes(name))
        throw new CoordinationError('session_lost', `the stream's place in line is gone: ${name}`);
      for (const other of names) {
        if (other === name) return true;
        if (!topics.has(other)) {
          const entry = await coordination.get([...streamsPath(subscriber), other]);
          if (!entry) continue;
          topics.set(other, readJson(entry.value)?.topic);
        }
        if (topics.get(other) === topic) return false;
      }
      return true;
    },
  };
}

/** Draws the next number in line: a counter in the subscriber's own record, so that it never repeats. */
async function nextTurn(coordination: Coordination, subscriber: string): Promise<number> {
  const path = subscriberPath(subscriber);
  for (;;) {
    try {
      const entry = await coordination.get(path);
      if (!entry) {
        await coordination.create(path, writeRecord({ format: 1, turns: 1 }));
        return 0;
      }
      const turn = Number(readJson(entry.value)?.turns ?? 0);
      await coordination.set(path, writeRecord({ format: 1, turns: turn + 1 }), entry.version);
      return turn;
    } catch (error) {
      if (error instanceof CoordinationError && (error.kind === 'conflict' || error.kind === 'exists')) continue;
      throw error;
    }
  }
}
