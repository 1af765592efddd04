import type { History, SeenRecord } from './history.js';

/** Every place of the log that anything is known of, and what is there. */
export interface EventIndex {
  /** Tells of an event at a place; returns what contradicts it, in words. */
  add(incarnation: string, record: SeenRecord, source: string): string | undefined;
  /** The first known offset from `from` up to but not including `to`. */
  firstKnown(incarnation: string, partition: number, from: number, to: number): number | undefined;
}

export function createEventIndex(): EventIndex {
  const events = new Map<string, string>();
  const places = new Map<string, string>();
  const offsets = new Map<string, { list: number[]; sorted: boolean }>();
  return {
    add(incarnation, record, source) {
      const partition = `${incarnation}/${record.partition}`;
      const place = `${partition}/${record.offset}`;
      const event = eventName(record);
      const there = events.get(place);
      const elsewhere = places.get(event);
      if (there === event && elsewhere === place) return undefined;
      if (there === undefined) {
        events.set(place, event);
        const known = offsets.get(partition) ?? { list: [], sorted: true };
        known.sorted &&= (known.list.at(-1) ?? -1) < record.offset;
        known.list.push(record.offset);
        offsets.set(partition, known);
      }
      if (elsewhere === undefined) places.set(event, place);
      if (there !== undefined && there !== event) return `${place} is ${event} in ${source}, and was ${there} before`;
      if (elsewhere !== undefined && elsewhere !== place)
        return `${event} is at ${place} in ${source}, and was at ${elsewhere} before`;
      return undefined;
    },
    firstKnown(incarnation, partition, from, to) {
      const known = offsets.get(`${incarnation}/${partition}`);
      if (known === undefined) return undefined;
      if (!known.sorted) known.list.sort((a, b) => a - b);
      known.sorted = true;
      let low = 0;
      let high = known.list.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((known.list[middle] ?? 0) < from) low = middle + 1;
        else high = middle;
      }
      const found = known.list[low];
      return found !== undefined && found < to ? found : undefined;
    },
  };
}

export const eventName = (event: { readonly producer: number; readonly sequence: number }) =>
  `${event.producer}:${event.sequence}`;

/** The life that an acknowledged event belongs to; undefined if it was published while the topic was deleted and made anew. */
export function lifeOf(history: History, startedAt: number, endedAt: number): string | undefined {
  return history.lives.find(
    (life) => startedAt >= life.createdAt && endedAt <= (life.deletedAt ?? Number.POSITIVE_INFINITY),
  )?.incarnation;
}
