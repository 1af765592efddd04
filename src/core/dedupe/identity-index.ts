import type { Identity } from './identity.js';
import { createSegment, entryBytes, type Segment } from './segment.js';

/** Where an identity was seen first. */
export interface Seen {
  readonly offset: number;
  /** Milliseconds since 1970, by the log. */
  readonly timestamp: number;
  /** Whether the payload is the same. */
  readonly same: boolean;
}

/** Room for the indexes of a process. */
export interface IndexMemory {
  /** Whether there was room for so many bytes; it is taken then. @param anyway taken even if there is none */
  take(bytes: number, anyway: boolean): boolean;
  give(bytes: number): void;
}

/** The identities of one partition in a window that moves on: what is older than its beginning leaves, in order of age. */
export interface IdentityIndex {
  find(identity: Identity): Seen | undefined;
  /** In the order of the offsets; the caller sees to it that it is not there yet. */
  add(identity: Identity, offset: number, timestamp: number): void;
  /** Moves the beginning of the window: what is older, or further back, is forgotten. */
  forget(beforeTime: number, beforeOffset: number): void;
  /** The time of the newest entry that had to leave before its time was over, because of the number of entries or the memory. */
  readonly cutAt: number;
  clear(): void;
}

/** The first segment has room for so many; each further one for twice as many, */
const fewest = 1024;
/** up to a quarter of the window and at least this: so there are few to look into, and little is taken that is not used. */
const largeSegment = 64 * 1024;
const largest = 1024 * 1024;

export function createIdentityIndex(memory: IndexMemory, entries: () => number): IdentityIndex {
  /** The oldest first. */
  let segments: Segment[] = [];
  /** The place in the first segment of the oldest entry that counts. */
  let head = 0;
  let oldestTime = Number.NEGATIVE_INFINITY;
  let oldestOffset = 0;
  let cutAt = Number.NEGATIVE_INFINITY;

  function dropFirst(): void {
    const [first] = segments;
    if (first) memory.give(first.capacity * entryBytes);
    segments = segments.slice(1);
    head = 0;
  }

  /** Drops the oldest entries although their time is not over. */
  function dropEarly(): void {
    const [first] = segments;
    if (first && first.size > 0) cutAt = Math.max(cutAt, first.timestamp(first.size - 1));
    dropFirst();
  }

  function grow(): Segment {
    const most = Math.min(largest, Math.max(largeSegment, powerOfTwo(entries() / 4)));
    let capacity = Math.min(most, (segments.at(-1)?.capacity ?? fewest / 2) * 2);
    // Each partition may have the smallest one: their number bounds what these take.
    while (!memory.take(capacity * entryBytes, capacity === fewest && segments.length === 0)) {
      if (segments.length > 0) dropEarly();
      else capacity = fewest;
    }
    const added = createSegment(capacity);
    segments.push(added);
    return added;
  }

  return {
    get cutAt() {
      return cutAt;
    },
    find(identity) {
      for (let i = segments.length - 1; i >= 0; i--) {
        const segment = segments[i];
        const place = segment?.find(identity) ?? -1;
        if (!segment || place < 0) continue;
        const offset = segment.offset(place);
        const timestamp = segment.timestamp(place);
        // One that was forgotten may stand in a segment still; the newest is what counts.
        if (timestamp < oldestTime || offset < oldestOffset) return undefined;
        return { offset, timestamp, same: segment.hasPayload(place, identity) };
      }
      return undefined;
    },
    add(identity, offset, timestamp) {
      const last = segments.at(-1);
      const free = last && last.size < last.capacity && last.find(identity) < 0 ? last : grow();
      free.add(identity, offset, timestamp);
    },
    forget(beforeTime, beforeOffset) {
      oldestTime = beforeTime;
      oldestOffset = beforeOffset;
      for (let first = segments[0]; first; first = segments[0]) {
        for (; head < first.size; head++) {
          const timestamp = first.timestamp(head);
          const isOld = timestamp < beforeTime;
          if (!isOld && first.offset(head) >= beforeOffset) return;
          if (!isOld) cutAt = Math.max(cutAt, timestamp);
        }
        dropFirst();
      }
    },
    clear() {
      while (segments.length > 0) dropFirst();
    },
  };
}

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, atLeast)));
}
