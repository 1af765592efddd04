import { BusError } from '../errors.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { ActiveTopic } from '../topics/topic.js';
import { type Chunk, chunkBytes, takeFromChunk } from './chunks.js';
import type { Delivery, Progress } from './frames.js';
import type { PartitionFeed, TopicFeed } from './hub.js';
import { lowerBound, type Taken } from './ring.js';
import type { Selection } from './selection.js';
import { positionAhead } from './start.js';
import type { Wakeup } from './wakeup.js';

/** The next thing to send. The position has moved past it already. */
export type Step =
  | {
      readonly kind: 'events';
      readonly deliveries: readonly Delivery[];
      /** They are right until the next step is asked for. */
      readonly lent: boolean;
    }
  | {
      readonly kind: 'gap';
      readonly partition: number;
      readonly from: number;
      readonly to: number;
      readonly reason: 'retention' | 'too_large' | 'topic_recreated';
      readonly message: string;
    };

/** Where one stream is in the partitions of a topic that it serves. It holds positions; records stay with the hub. */
export interface StreamProgress {
  /** Serves a partition from now on, from this offset, up to `end` if there is one. */
  serve(partition: number, offset: number, end?: number): void;
  /** Serves a partition no more. */
  drop(partition: number): void;
  /** Announces a gap before anything else of that partition. */
  announce(gap: Extract<Step, { kind: 'gap' }>): void;
  /** What comes next, of at most so many records; undefined: nothing for now, the wakeup will tell. Throws CURSOR_AHEAD, TOPIC_DELETED. */
  next(maxRecords: number, selection?: Selection): Step | undefined;
  /** Ends each partition at its offset in this, or before; those that are not in it at once. */
  endAt(ends: ReadonlyMap<number, number>): void;
  /** Whether every partition has come to its end. */
  readonly done: boolean;
  /** In order of the partitions: the offset of what comes next. */
  positions(): (readonly [partition: number, nextOffset: number])[];
  /** The same of one partition; undefined if it is not served. */
  at(partition: number): number | undefined;
  report(): Omit<Progress, 'topic' | 'incarnation'>[];
}

/** The reads that one stream waits for, in all its topics. */
export type Loads = Set<{ readonly loadingSince: number | undefined }>;

/** How long a running stream tolerates a position beyond the log's end: a new leader's high watermark may lag in fetches. */
const aheadToleranceMs = 10_000;
const recheckMs = 500;
/** How many ranges a stream reads at once. One that takes long, because its broker is away, stops counting. */
const loadsAtOnce = 2;
const loadCountsMs = 3_000;
/** The largest record that a stream carries: the largest possible event, and what comes beside it. */
const maxRecordBytes = 8 * 1024 * 1024 + 256 * 1024;

interface Position {
  readonly feed: PartitionFeed;
  next: number;
  end: number;
  chunk: Chunk | undefined;
  loadingSince: number | undefined;
  aheadSince: number | undefined;
  recheck: Timer | undefined;
  /** Looks again whether there is a turn for its read: for when none of those under way ends. */
  inLine: Timer | undefined;
  /** The first offset left, where retention has removed the next one. */
  lostUpTo: number | undefined;
}

export interface ProgressPorts {
  readonly wakeup: Wakeup;
  readonly clock: Clock;
  readonly loads: Loads;
  readonly signal: AbortSignal;
  /** Records of this time (milliseconds since 1970) or later are not sent. */
  readonly before?: number | undefined;
  /** Whoever asks for a step is done with the records of the one before. */
  readonly takesLent: boolean;
}

export function createProgress(
  topic: ActiveTopic,
  feed: TopicFeed,
  { wakeup, clock, loads, signal, before, takesLent }: ProgressPorts,
): StreamProgress {
  let positions: Position[] = [];
  let gaps: Extract<Step, { kind: 'gap' }>[] = [];
  let failure: BusError | undefined;
  let turn = 0;
  /** Whether the collecting that is under way has moved a position. */
  let moved = false;
  /** Where what was taken last came from, if not from the ring. */
  let source: Chunk | undefined;
  /** Of the step that is being made, or was made last: whether its records are lent, and the chunks that it has come to the end of. */
  let lent = false;
  let spent: Chunk[] = [];

  /** Nobody else reads the topic, and what is taken for this stream is not needed beyond the next step. */
  const isAlone = () => takesLent && feed.users === 1;

  function position(partition: number, next: number, end = Number.POSITIVE_INFINITY): Position {
    const partitionFeed = feed.partitions[partition];
    if (!partitionFeed) throw new RangeError(`partition ${partition} of ${topic.name} is not followed`);
    const blank = {
      chunk: undefined,
      loadingSince: undefined,
      aheadSince: undefined,
      recheck: undefined,
      inLine: undefined,
      lostUpTo: undefined,
    };
    return { feed: partitionFeed, next, end, ...blank };
  }

  /** What is in memory at a position; starts a read where nothing is. */
  function take(at: Position, maxBytes: number, maxRecords: number): Taken | undefined {
    const { ring, partition } = at.feed;
    source = undefined;
    if (at.next === ring.next) {
      at.aheadSince = undefined;
      at.chunk = undefined;
      return undefined;
    }
    if (at.next > ring.next) {
      // The tail may only be a little behind; if not, a read tells.
      if (at.aheadSince === undefined) {
        at.aheadSince = clock.now();
        recheckSoon(at);
      } else if (!at.recheck) load(at);
    } else {
      const taken = ring.take(at.next, maxBytes, maxRecords);
      if (taken) {
        at.chunk = undefined;
        return taken;
      }
    }
    const { chunk = feed.chunks.peek(feed, partition, at.next) } = at;
    if (chunk && chunk.from <= at.next && at.next < chunk.nextOffset) {
      source = chunk;
      if (isAlone()) lent = true;
      else chunk.memory = undefined;
      return takeFromChunk(chunk, at.next, maxBytes, maxRecords);
    }
    at.chunk = undefined;
    if (at.next < ring.next) load(at);
    return undefined;
  }

  /** Who reads alone leaves nothing behind: records that outlive their frame cost more to collect than to read. */
  function leave(at: Position, chunk: Chunk): void {
    if (at.next < chunk.nextOffset || feed.users > 1) return;
    at.chunk = undefined;
    feed.chunks.drop(feed, at.feed.partition, chunk);
    spent.push(chunk);
  }

  function load(at: Position): void {
    if (at.loadingSince !== undefined || at.recheck) return;
    const now = clock.now();
    const busy = [...loads].filter(({ loadingSince = 0 }) => now - loadingSince < loadCountsMs);
    if (busy.length >= loadsAtOnce) {
      // The end of one of them wakes the stream: a recheck would hold this one up.
      at.inLine ??= wakeSoon(() => {
        at.inLine = undefined;
      });
      return;
    }
    at.inLine?.close();
    at.inLine = undefined;
    at.loadingSince = now;
    loads.add(at);
    feed.chunks.read(feed, at.feed.partition, at.next, isAlone(), signal).then(
      (result) => {
        at.loadingSince = undefined;
        loads.delete(at);
        if (!positions.includes(at)) return;
        if (result.outcome === 'ok') {
          at.aheadSince = undefined;
          // Nothing there although the tail has seen more: ask again, but not at once.
          if (result.nextOffset <= at.next) {
            recheckSoon(at);
            return;
          }
          // A reader that is not waiting now may not come back for long: then the shared cache is enough.
          if (wakeup.waiting) at.chunk = result;
        } else if (result.outcome === 'expired') at.lostUpTo = result.earliest;
        else checkAhead(at, result.highWatermark);
        wakeup.wake();
      },
      (error: unknown) => {
        loads.delete(at);
        if (signal.aborted || !positions.includes(at)) return;
        failure = BusError.from(error);
        if (failure.reason === 'TOPIC_NOT_FOUND') failure = BusError.topicDeleted(topic.name);
        wakeup.wake();
      },
    );
  }

  function checkAhead(at: Position, highWatermark: number): void {
    at.aheadSince ??= clock.now();
    if (clock.now() - at.aheadSince < aheadToleranceMs) {
      recheckSoon(at);
      return;
    }
    failure = positionAhead(topic.name, at.feed.partition, at.next, highWatermark);
  }

  function recheckSoon(at: Position): void {
    at.recheck ??= wakeSoon(() => {
      at.recheck = undefined;
    });
  }

  function wakeSoon(before: () => void): Timer {
    return clock
      .setTimeout(() => {
        before();
        wakeup.wake();
      }, recheckMs)
      .unref();
  }

  function gap(at: Position, to: number, reason: 'retention' | 'too_large', message: string): Step {
    const step: Step = { kind: 'gap', partition: at.feed.partition, from: at.next, to, reason, message };
    at.next = to;
    return step;
  }

  function collect(maxRecords: number, selection: Selection | undefined): Step | undefined {
    for (;;) {
      moved = false;
      const step = collectOnce(maxRecords, selection);
      // A range of nothing but holes moves the position, and there may be something behind it.
      if (step || !moved) return step;
    }
  }

  function collectOnce(maxRecords: number, selection: Selection | undefined): Step | undefined {
    let deliveries: readonly Delivery[] = [];
    let room = chunkBytes;
    const count = positions.length;
    const first = turn++;
    for (let i = 0; i < count && room > 0 && deliveries.length < maxRecords; i++) {
      const at = positions[(first + i) % count];
      if (!at || (at.next >= at.end && !isBeyond(at))) continue;
      if (at.next < at.feed.earliest) at.lostUpTo = at.feed.earliest;
      if (at.lostUpTo !== undefined) {
        if (deliveries.length > 0) continue;
        const to = at.lostUpTo;
        at.lostUpTo = undefined;
        if (to > at.next) return gap(at, to, 'retention', `retention has removed the records before offset ${to}`);
      }
      const left = maxRecords - deliveries.length;
      // A selection passes over records: how many it looks at is its own matter.
      const most = selection ? Number.POSITIVE_INFINITY : left;
      const taken = take(at, room, most);
      if (!taken || at.next >= at.end) continue;
      if (before !== undefined) endBefore(at, taken, before);
      const fit = fitting(taken, at.end, most);
      const head = fit.deliveries[0];
      if (head && head.bytes > maxRecordBytes) {
        if (deliveries.length > 0) continue;
        const { offset } = head.record;
        at.next = offset;
        return gap(
          at,
          offset + 1,
          'too_large',
          `the record has ${head.bytes} bytes; a stream carries at most ${maxRecordBytes}`,
        );
      }
      // A record that does not fit any more comes first in a frame of its own.
      if (head && deliveries.length > 0 && head.bytes > room) continue;
      const sent = selection ? selection.select(topic, fit, left) : fit;
      if (sent.nextOffset !== at.next) moved = true;
      at.next = sent.nextOffset;
      if (source) leave(at, source);
      room -= sent.bytes;
      deliveries = deliveries.length === 0 ? sent.deliveries : [...deliveries, ...sent.deliveries];
    }
    return deliveries.length > 0 ? { kind: 'events', deliveries, lent } : undefined;
  }

  return {
    serve(partition, offset, end) {
      positions = [...positions.filter((at) => at.feed.partition !== partition), position(partition, offset, end)];
      positions.sort((a, b) => a.feed.partition - b.feed.partition);
    },
    drop(partition) {
      positions = positions.filter((at) => at.feed.partition !== partition);
      gaps = gaps.filter((step) => step.partition !== partition);
    },
    announce: (step) => gaps.push(step),
    endAt(ends) {
      for (const at of positions) at.end = Math.min(at.end, ends.get(at.feed.partition) ?? 0);
    },
    next(maxRecords, selection) {
      if (feed.failure) throw feed.failure;
      if (failure) throw failure;
      spent.forEach(feed.chunks.done);
      spent = [];
      lent = false;
      return gaps.shift() ?? collect(maxRecords, selection);
    },
    get done() {
      return positions.every((at) => at.next >= at.end && !isBeyond(at));
    },
    positions: () => positions.map((at) => [at.feed.partition, at.next]),
    at: (partition) => positions.find((at) => at.feed.partition === partition)?.next,
    report: () =>
      positions.map((at) => ({
        partition: at.feed.partition,
        nextOffset: at.next,
        highWatermark: Math.max(at.feed.highWatermark, at.feed.ring.next),
      })),
  };
}

/** Past its own end and past all that is known of the log: not at its end, before it is clear whether the log has lost records. */
function isBeyond({ next, end, feed }: Position): boolean {
  return next > end && next > Math.max(feed.highWatermark, feed.ring.next);
}

/** Ends a partition at the first record that is not older. */
function endBefore(at: Position, { deliveries }: Taken, timestamp: number): void {
  const first = deliveries.find(({ record }) => record.timestamp >= timestamp);
  if (first) at.end = Math.min(at.end, first.record.offset);
}

/** The part of what was taken that may be sent: before the end, not more than asked for, up to a record that is too large. */
function fitting(taken: Taken, end: number, maxRecords: number): Taken {
  const isPlain = taken.nextOffset <= end && taken.deliveries.length <= maxRecords && taken.bytes <= maxRecordBytes;
  // As it is, not a copy: streams at the same place then have the same array, and get the same encoded frame.
  if (isPlain) return taken;
  let { deliveries, nextOffset } = taken;
  const cut = (to: number, next: number) => {
    deliveries = deliveries.slice(0, to);
    nextOffset = next;
  };
  if (nextOffset > end) cut(lowerBound(deliveries, end), end);
  if (deliveries.length > maxRecords) cut(maxRecords, (deliveries[maxRecords - 1]?.record.offset ?? 0) + 1);
  const tooLarge = deliveries.findIndex((delivery) => delivery.bytes > maxRecordBytes);
  if (tooLarge > 0) cut(tooLarge, deliveries[tooLarge]?.record.offset ?? nextOffset);
  return { deliveries, nextOffset, bytes: deliveries.reduce((sum, { bytes }) => sum + bytes, 0) };
}
