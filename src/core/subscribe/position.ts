import type { Chunk } from './chunks.js';
import type { Queueable } from './fifo.js';
import type { PartitionFeed } from './hub.js';
import type { Loading } from './loads.js';
import { lowerBound, type Taken } from './ring.js';

/** Where one stream is in one partition. It stands in the queue of those that may have something to send. */
export interface Position extends Queueable {
  readonly feed: PartitionFeed;
  next: number;
  end: number;
  chunk: Chunk | undefined;
  /** Its reads; made when the first one is needed. */
  loading: Loading | undefined;
  /** A read of it is in line or under way, or it has a pause. */
  isBusy: boolean;
  aheadSince: number | undefined;
  /** The first offset left, where retention has removed the next one. */
  lostUpTo: number | undefined;
  /** How many of the feed's truncations are heeded. */
  seen: number;
  /** The epoch of what was read last apart from the feed, which may not have heard of it yet. */
  epoch: number;
}

/** The log has lost records before a stream's position. */
export class PositionLost extends Error {
  override readonly name = 'PositionLost';
  constructor(
    readonly partition: number,
    readonly position: number,
    /** The offset to go on from. */
    readonly at: number,
  ) {
    super(`the log has lost the records of partition ${partition} from ${at} on`);
  }
}

/** The largest record that a stream carries: the largest possible event, and what comes beside it. */
export const maxRecordBytes = 8 * 1024 * 1024 + 256 * 1024;

export function positionAt(feed: PartitionFeed, next: number, end: number): Position {
  return {
    queued: false,
    feed,
    next,
    end,
    chunk: undefined,
    loading: undefined,
    isBusy: false,
    aheadSince: undefined,
    lostUpTo: undefined,
    seen: feed.truncations.length,
    epoch: 0,
  };
}

/** The offset from which the log has lost what a position has passed; undefined where it has lost nothing of it. */
export function heeds(at: Position): number | undefined {
  const { truncations } = at.feed;
  if (at.seen === truncations.length) return undefined;
  const lost = Math.min(...truncations.slice(at.seen).map((each) => each.at));
  if (at.next > lost) return lost;
  at.seen = truncations.length;
  at.chunk = undefined;
  return undefined;
}

/** A position that may lie past what the log has lost since keeps the epoch from before. */
export function epochOf({ seen, epoch, feed }: Position): number | undefined {
  const unheeded = feed.truncations[seen];
  if (unheeded) return unheeded.before;
  return feed.epoch === undefined ? undefined : Math.max(epoch, feed.epoch);
}

export function isDone(at: Position): boolean {
  return at.next >= at.end && !isBeyond(at);
}

/** Past its own end and past all that is known of the log: not at its end, before it is clear whether the log has lost records. */
function isBeyond({ next, end, feed }: Position): boolean {
  return next > end && next > Math.max(feed.highWatermark, feed.ring.next);
}

/** Ends a partition at the first record that is not older. */
export function endBefore(at: Position, { deliveries }: Taken, timestamp: number): void {
  const first = deliveries.find(({ record }) => record.timestamp >= timestamp);
  if (first) at.end = Math.min(at.end, first.record.offset);
}

/** The part of what was taken that may be sent: before the end, not more than asked for, up to a record that is too large. */
export function fitting(taken: Taken, end: number, maxRecords: number): Taken {
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
