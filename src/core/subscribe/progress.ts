import type { CursorPosition } from '../cursor.js';
import type { ActiveTopic } from '../topics/topic.js';
import { chunkBytes } from './chunks.js';
import { Fifo } from './fifo.js';
import type { Delivery, Progress } from './frames.js';
import type { TopicFeed } from './hub.js';
import {
  endBefore,
  epochOf,
  fitting,
  heeds,
  isDone,
  maxRecordBytes,
  type Position,
  PositionLost,
  positionAt,
} from './position.js';
import { createRanges, type RangePorts } from './ranges.js';
import type { Selection } from './selection.js';

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
      readonly reason: 'retention' | 'too_large' | 'topic_recreated' | 'log_truncated';
      readonly message: string;
    };

/**
 * Where one stream is in the partitions of a topic that it serves. It holds positions; records stay with the hub. Partitions that may have
 * something to send stand in a queue, so that what a step costs does not depend on how many have nothing.
 */
export interface StreamProgress {
  /** Serves a partition from now on, from this offset, up to `end` if there is one. */
  serve(partition: number, offset: number, end?: number): void;
  /** Serves a partition no more. */
  drop(partition: number): void;
  /** Announces a gap before anything else of that partition. */
  announce(gap: Extract<Step, { kind: 'gap' }>): void;
  /** What comes next, of at most so many records; undefined: nothing for now, the wakeup will tell. Throws CURSOR_AHEAD, TOPIC_DELETED, PositionLost. */
  next(maxRecords: number, selection?: Selection): Step | undefined;
  /** Whether there may be something to send. If not, `onReady` tells when there is. */
  readonly isReady: boolean;
  /** A partition of the feed has moved, or (undefined) the topic itself; whether that concerns this stream. */
  moved(partition: number | undefined): boolean;
  /** Ends each partition at its offset in this, or before; those that are not in it at once. */
  endAt(ends: ReadonlyMap<number, number>): void;
  /** Whether every partition has come to its end. */
  readonly done: boolean;
  /** In order of the partitions: the offset of what comes next, with the epoch that it is taken in. */
  positions(): CursorPosition[];
  /** The same of one partition; undefined if it is not served. */
  at(partition: number): number | undefined;
  report(): Omit<Progress, 'topic' | 'incarnation'>[];
}

export interface ProgressPorts extends RangePorts {
  /** Records of this time (milliseconds since 1970) or later are not sent. */
  readonly before?: number | undefined;
  /** There may be something to send. */
  onReady(): void;
  /** Takes a partition over anew whose log has lost records before its position. Undefined, or false: that ends the stream. */
  readonly reclaim?: ((partition: number) => boolean) | undefined;
}

export function createProgress(
  topic: ActiveTopic,
  feed: TopicFeed,
  { before, onReady, reclaim, ...ports }: ProgressPorts,
): StreamProgress {
  /** By partition; and those that are served in order, made when it is asked for. */
  const positions: (Position | undefined)[] = [];
  let ordered: readonly Position[] | undefined;
  /** Those that may have something to send. */
  const ready = new Fifo<Position>();
  let gaps: Extract<Step, { kind: 'gap' }>[] = [];
  /** Whether the collecting that is under way has moved a position. */
  let moved = false;
  /** The first partition in order that has not come to its end, when that was asked last. */
  let undone = 0;

  const ranges = createRanges(topic.name, feed, ports, { isServed, makeReady, failed: onReady });

  function inOrder(): readonly Position[] {
    ordered ??= positions.filter((at) => at !== undefined);
    return ordered;
  }

  function isServed(at: Position): boolean {
    return positions[at.feed.partition] === at;
  }

  function drop(partition: number): void {
    positions[partition] = undefined;
    ordered = undefined;
    undone = 0;
    gaps = gaps.filter((step) => step.partition !== partition);
  }

  function makeReady(at: Position): void {
    ready.push(at);
    onReady();
  }

  function gap(at: Position, to: number, reason: 'retention' | 'too_large', message: string): Step {
    const step: Step = { kind: 'gap', partition: at.feed.partition, from: at.next, to, reason, message };
    at.next = to;
    return step;
  }

  /** Goes once through those that may have something, until a frame is full; what stays is in the queue for the next one. */
  function collect(maxRecords: number, selection: Selection | undefined): Step | undefined {
    let deliveries: readonly Delivery[] = [];
    /** The same array, once it is this step's own. */
    let joined: Delivery[] | undefined;
    let room = chunkBytes;
    /** What does not fit any more, and comes first in a frame of its own. */
    let kept: Position[] | undefined;
    let step: Step | undefined;
    for (let left = ready.size; left > 0 && room > 0 && deliveries.length < maxRecords && !step; left--) {
      const at = ready.shift();
      if (!at || !isServed(at)) continue;
      const lost = heeds(at);
      if (lost !== undefined) {
        // What was taken in this step is sent first.
        if (deliveries.length > 0) kept = [...(kept ?? []), at];
        else if (reclaim?.(at.feed.partition)) drop(at.feed.partition);
        else throw new PositionLost(at.feed.partition, at.next, lost);
        continue;
      }
      if (isDone(at)) continue;
      if (at.next < at.feed.earliest) at.lostUpTo = at.feed.earliest;
      if (at.lostUpTo !== undefined) {
        if (deliveries.length > 0) {
          kept = [...(kept ?? []), at];
          continue;
        }
        const to = at.lostUpTo;
        at.lostUpTo = undefined;
        if (to > at.next) {
          step = gap(at, to, 'retention', `retention has removed the records before offset ${to}`);
          ready.push(at);
          continue;
        }
      }
      const more = maxRecords - deliveries.length;
      // A selection passes over records: how many it looks at is its own matter.
      const most = selection ? Number.POSITIVE_INFINITY : more;
      const taken = ranges.take(at, room, most);
      if (!taken || at.next >= at.end) continue;
      if (before !== undefined) endBefore(at, taken, before);
      const fit = fitting(taken, at.end, most);
      const head = fit.deliveries[0];
      if (head && deliveries.length > 0 && head.bytes > room) {
        kept = [...(kept ?? []), at];
        continue;
      }
      if (head && head.bytes > maxRecordBytes) {
        const { offset } = head.record;
        at.next = offset;
        const why = `the record has ${head.bytes} bytes; a stream carries at most ${maxRecordBytes}`;
        step = gap(at, offset + 1, 'too_large', why);
        ready.push(at);
        continue;
      }
      const sent = selection ? selection.select(topic, fit, more) : fit;
      // Without a turn nothing moves, in no partition: the selection wakes the stream when there is one.
      const isStuck = sent.nextOffset === at.next;
      if (!isStuck) moved = true;
      at.next = sent.nextOffset;
      ranges.leave(at);
      room -= sent.bytes;
      if (deliveries.length === 0) deliveries = sent.deliveries;
      else if (sent.deliveries.length > 0) {
        joined ??= [...deliveries];
        deliveries = joined;
        for (const delivery of sent.deliveries) joined.push(delivery);
      }
      ready.push(at);
      if (isStuck) break;
    }
    for (const at of kept?.reverse() ?? []) ready.putBack(at);
    if (step) return step;
    return deliveries.length > 0 ? { kind: 'events', deliveries, lent: ranges.lent } : undefined;
  }

  return {
    serve(partition, offset, end = Number.POSITIVE_INFINITY) {
      const partitionFeed = feed.partitions[partition];
      if (!partitionFeed) throw new RangeError(`partition ${partition} of ${topic.name} is not followed`);
      const at = positionAt(partitionFeed, offset, end);
      positions[partition] = at;
      ordered = undefined;
      undone = 0;
      makeReady(at);
    },
    drop,
    announce(step) {
      gaps.push(step);
      onReady();
    },
    moved(partition) {
      const at = partition === undefined ? undefined : positions[partition];
      if (at) makeReady(at);
      else if (partition === undefined) onReady();
      return at !== undefined || partition === undefined;
    },
    get isReady() {
      return ready.size > 0 || gaps.length > 0;
    },
    endAt(ends) {
      for (const at of inOrder()) at.end = Math.min(at.end, ends.get(at.feed.partition) ?? 0);
    },
    next(maxRecords, selection) {
      if (feed.failure) throw feed.failure;
      if (ranges.failure) throw ranges.failure;
      ranges.finish();
      const announced = gaps.shift();
      if (announced) return announced;
      for (;;) {
        moved = false;
        const step = collect(maxRecords, selection);
        // A range of nothing but holes moves the position, and there may be something behind it.
        if (step || !moved) return step;
      }
    },
    get done() {
      const all = inOrder();
      for (; undone < all.length; undone++) {
        const at = all[undone];
        if (at && !isDone(at)) return false;
      }
      undone = 0;
      return all.every(isDone);
    },
    positions: () => inOrder().map((at) => [at.feed.partition, at.next, epochOf(at)]),
    at: (partition) => positions[partition]?.next,
    report: () =>
      inOrder().map((at) => ({
        partition: at.feed.partition,
        nextOffset: at.next,
        highWatermark: Math.max(at.feed.highWatermark, at.feed.ring.next),
      })),
  };
}
