import type { LogRecord } from '../model.js';
import type { Bounds, EventLog } from '../ports/event-log.js';
import type { TopicRef } from '../ports/topic-ref.js';

/** One partition, from its end backwards. */
interface Range {
  readonly partition: number;
  /** The oldest offset that is wanted. */
  readonly first: number;
  /** What is below is still to be read. */
  end: number;
}

export interface NewestRanges {
  readonly ranges: Range[];
  /** The high watermarks, by partition. */
  readonly ends: readonly number[];
  /** Whether they hold everything that is retained. */
  readonly all: boolean;
}

/** Records that were read in one go, and the offsets that this covers. */
export interface NewestSlice {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly records: readonly LogRecord[];
}

/** Which offsets hold a topic's newest records: all if that is not too much; else each partition has an equal share, and what it does not need the others get. */
export async function newestRanges(
  log: EventLog,
  topic: TopicRef,
  partitions: number,
  most: number,
): Promise<NewestRanges> {
  const bounds = await Promise.all(Array.from({ length: partitions }, (_, partition) => log.bounds(topic, partition)));
  const shares = sharesOf(bounds, most);
  const ranges = bounds
    .map(({ highWatermark }, partition): Range => {
      return { partition, first: highWatermark - (shares[partition] ?? 0), end: highWatermark };
    })
    .filter(({ first, end }) => end > first);
  const all = bounds.every((each, partition) => retained(each) === shares[partition]);
  return { ranges, ends: bounds.map(({ highWatermark }) => highWatermark), all };
}

const retained = ({ earliest, highWatermark }: Bounds) => highWatermark - earliest;

function sharesOf(bounds: readonly Bounds[], most: number): number[] {
  const counts = bounds.map(retained);
  const shares = counts.map(() => 0);
  let left = most;
  const smallestFirst = [...counts.keys()].sort((a, b) => (counts[a] ?? 0) - (counts[b] ?? 0));
  for (const [index, partition] of smallestFirst.entries()) {
    const share = Math.min(counts[partition] ?? 0, Math.ceil(left / (counts.length - index)));
    shares[partition] = share;
    left -= share;
  }
  return shares;
}

/**
 * Reads ranges step by step from their ends backwards, in turn, so that what was read is the newest part, but for the step under way, whenever the
 * caller stops. Slices of a step come in the order of their offsets. Throws LOG_UNAVAILABLE, TOPIC_NOT_FOUND.
 *
 * @param step offsets of one step
 * @param bytes of one read, about
 */
export async function* readNewest(
  log: EventLog,
  topic: TopicRef,
  ranges: Range[],
  { step, bytes }: { readonly step: number; readonly bytes: number },
  signal: AbortSignal,
): AsyncGenerator<NewestSlice> {
  for (let open = ranges; open.length > 0; open = open.filter(({ end, first }) => end > first)) {
    for (const range of open) {
      const to = range.end;
      range.end = Math.max(range.first, to - step);
      for (let at = range.end; at < to; ) {
        signal.throwIfAborted();
        const slice = await log.read(topic, range.partition, at, bytes, signal);
        if (slice.outcome !== 'ok') {
          // Retention was faster; or the topic is a new one, which has no such records.
          if (slice.outcome === 'ahead') break;
          at = slice.earliest;
          continue;
        }
        if (slice.nextOffset <= at) break;
        const next = Math.min(to, slice.nextOffset);
        const records = slice.records.filter(({ offset }) => offset < to);
        yield { partition: range.partition, from: at, to: next, records };
        at = next;
      }
    }
  }
}
