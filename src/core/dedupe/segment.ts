import type { Identity } from './identity.js';

/** Identities with what belongs to each, in the order in which they were added: full at some point, and never made smaller. */
export interface Segment {
  readonly capacity: number;
  readonly size: number;
  /** The place of an identity, or -1. */
  find(identity: Identity): number;
  /** The caller sees to it that there is room, and that it is not there yet. */
  add(identity: Identity, offset: number, timestamp: number): void;
  offset(place: number): number;
  timestamp(place: number): number;
  hasPayload(place: number, identity: Identity): boolean;
}

/** What one entry takes: 16 bytes of identity, 8 of payload, 8 each of offset and time, 8 for two slots of the table. */
export const entryBytes = 48;

/** @param capacity a power of two */
export function createSegment(capacity: number): Segment {
  const identities = new Int32Array(capacity * 4);
  const payloads = new Int32Array(capacity * 2);
  const offsets = new Float64Array(capacity);
  const timestamps = new Float64Array(capacity);
  /** Open addressing, at most half full: place + 1, or 0 where a slot is free. */
  const slots = new Int32Array(capacity * 2);
  const mask = slots.length - 1;
  let size = 0;

  function isAt(place: number, { a, b, c, d }: Identity): boolean {
    const at = place * 4;
    return identities[at] === a && identities[at + 1] === b && identities[at + 2] === c && identities[at + 3] === d;
  }

  return {
    capacity,
    get size() {
      return size;
    },
    find(identity) {
      for (let slot = identity.a & mask; ; slot = (slot + 1) & mask) {
        const place = (slots[slot] ?? 0) - 1;
        if (place < 0 || isAt(place, identity)) return place;
      }
    },
    add({ a, b, c, d, payload, payload2 }, offset, timestamp) {
      const place = size++;
      const at = place * 4;
      identities[at] = a;
      identities[at + 1] = b;
      identities[at + 2] = c;
      identities[at + 3] = d;
      payloads[place * 2] = payload;
      payloads[place * 2 + 1] = payload2;
      offsets[place] = offset;
      timestamps[place] = timestamp;
      let slot = a & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = size;
    },
    offset: (place) => offsets[place] ?? -1,
    timestamp: (place) => timestamps[place] ?? 0,
    hasPayload: (place, { payload, payload2 }) =>
      payloads[place * 2] === payload && payloads[place * 2 + 1] === payload2,
  };
}
