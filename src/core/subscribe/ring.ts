import type { Delivery } from './frames.js';

/** Consecutive records of a partition, and the offset after them. */
export interface Taken {
  readonly deliveries: readonly Delivery[];
  readonly nextOffset: number;
  /** What the deliveries weigh together. */
  readonly bytes: number;
}

/** The last records of one partition: every visible record of the offsets from `start` up to `next`. */
export interface Ring {
  readonly start: number;
  readonly next: number;
  readonly bytes: number;
  /** Adds what follows: records from `next` on, and the offset after them. */
  push(deliveries: readonly Delivery[], nextOffset: number): void;
  /** Drops the oldest records until no more than `bytes` are held. */
  trim(bytes: number): void;
  /** Empties it, to go on at an offset. */
  reset(offset: number): void;
  /** The records from an offset within the ring on, at least one if there is one. Undefined if the ring does not reach back so far. */
  take(from: number, maxBytes: number, maxRecords: number): Taken | undefined;
}

interface Limits {
  readonly from: number;
  readonly maxBytes: number;
  readonly maxRecords: number;
}

export function createRing(offset: number): Ring {
  let items: Delivery[] = [];
  let head = 0;
  let start = offset;
  let next = offset;
  let bytes = 0;
  /** What was taken last: live streams stand at the same place, and ask for the same one after the other. */
  let latest: (Limits & { readonly taken: Taken }) | undefined;

  /** What was taken last is what would be taken now, unless the number of records has cut it, or would. */
  function isLatest(from: number, maxBytes: number, maxRecords: number): boolean {
    if (latest?.from !== from || latest.maxBytes !== maxBytes) return false;
    const count = latest.taken.deliveries.length;
    return latest.maxRecords === maxRecords || (count <= maxRecords && count < latest.maxRecords);
  }

  return {
    get start() {
      return start;
    },
    get next() {
      return next;
    },
    get bytes() {
      return bytes;
    },
    push(deliveries, nextOffset) {
      latest = undefined;
      for (const delivery of deliveries) {
        items.push(delivery);
        bytes += delivery.bytes;
      }
      next = nextOffset;
    },
    trim(limit) {
      latest = undefined;
      let oldest: Delivery | undefined;
      while (bytes > limit && head < items.length) {
        oldest = items[head++];
        if (!oldest) break;
        bytes -= oldest.bytes;
        start = oldest.record.offset + 1;
      }
      // Records that were encoded together hold each other's encodings in memory: of what is dropped no more than the ring may hold.
      const cut = oldest?.wire?.bytes;
      if (cut !== undefined && cut.length > limit) {
        for (let i = head; i < items.length; i++) {
          const left = items[i];
          if (left?.wire?.bytes !== cut) break;
          left.wire = undefined;
        }
      }
      // What is dropped must not stay in memory behind the few that are kept: records may be large.
      if (head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
    },
    reset(to) {
      latest = undefined;
      items = [];
      head = 0;
      start = to;
      next = to;
      bytes = 0;
    },
    take(from, maxBytes, maxRecords) {
      if (from < start) return undefined;
      if (latest && isLatest(from, maxBytes, maxRecords)) return latest.taken;
      const taken = takeFrom(items, lowerBound(items, from, head), next, maxBytes, maxRecords);
      latest = { from, maxBytes, maxRecords, taken };
      return taken;
    },
  };
}

/** The index of the first delivery at this offset or later. */
export function lowerBound(deliveries: readonly Delivery[], offset: number, from = 0): number {
  let low = from;
  let high = deliveries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((deliveries[middle]?.record.offset ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Deliveries from an index on, up to so many bytes (but at least one) and records; and `end` as the next offset if that is all of them. */
export function takeFrom(
  deliveries: readonly Delivery[],
  index: number,
  end: number,
  maxBytes: number,
  maxRecords: number,
): Taken {
  let to = index;
  let bytes = 0;
  const mostTo = Math.min(deliveries.length, index + maxRecords);
  for (; to < mostTo; to++) {
    const more = deliveries[to]?.bytes ?? 0;
    if (bytes + more > maxBytes && to > index) break;
    bytes += more;
  }
  const last = deliveries[to - 1];
  return {
    deliveries: deliveries.slice(index, to),
    nextOffset: to === deliveries.length || !last ? end : last.record.offset + 1,
    bytes,
  };
}
