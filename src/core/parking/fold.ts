import { LRUCache } from 'lru-cache';
import type { LogRecord } from '../model.js';
import type { EventLog } from '../ports/event-log.js';
import type { ActiveTopic } from '../topics/topic.js';
import { keyIdOf } from './key-id.js';
import { keyOf, type Origin, readParked, readResolution } from './records.js';

/** A parked record as the fold keeps it: its place, and little else. */
export interface ParkedEntry extends Origin {
  /** Where it stands in the parked topic; the last place if it was parked more than once. */
  readonly parkedOffset: number;
  readonly parkedAt: number;
  /** Cut to 256 characters. */
  readonly reason: string;
  readonly attempts: number;
  readonly payloadBytes: number;
  /** Names its topic and key; undefined without a key. */
  readonly keyId: string | undefined;
}

/** What is parked now. */
export interface ParkedState {
  /** By `keyOf`, in the order of first parking. */
  readonly entries: ReadonlyMap<string, ParkedEntry>;
  /** The end of the parked topic, up to which this is known. */
  readonly next: number;
}

/** Folds parked topics: what was parked, less what was resolved. Goes on where it stopped the last time, so that a call reads what is new. */
export interface ParkedFold {
  read(topic: ActiveTopic): Promise<ParkedState>;
}

/** What a parked topic may hold, from its first record that is parked still: it bounds what a fold keeps in memory. */
export const mostParked = 10_000;

const keptFolds = 16;
const readBytes = 1024 * 1024;
const longestReason = 256;

interface Folding {
  readonly entries: Map<string, ParkedEntry>;
  next: number;
  running: Promise<unknown>;
}

export function createParkedFold(log: EventLog): ParkedFold {
  const folds = new LRUCache<string, Folding>({ max: keptFolds });

  async function advance(topic: ActiveTopic, fold: Folding): Promise<ParkedState> {
    for (;;) {
      const result = await log.read(topic, 0, fold.next, readBytes);
      dropBelow(fold.entries, result.earliest);
      if (result.outcome === 'ok') {
        for (const record of result.records) apply(fold.entries, record);
        const moved = result.nextOffset > fold.next;
        fold.next = result.nextOffset;
        if (!moved || fold.next >= result.highWatermark) break;
      } else if (result.outcome === 'expired') fold.next = result.earliest;
      else break;
    }
    return { entries: new Map(fold.entries), next: fold.next };
  }

  return {
    read(topic) {
      const { name, incarnation } = topic;
      const key = `${name}/${incarnation}`;
      const fold = folds.get(key) ?? { entries: new Map<string, ParkedEntry>(), next: 0, running: Promise.resolve() };
      folds.set(key, fold);
      const state = fold.running.then(() => advance(topic, fold));
      fold.running = state.catch(() => undefined);
      return state;
    },
  };
}

/** The parked topic is cut below its first record that is parked still: what is below is resolved. */
function dropBelow(entries: Map<string, ParkedEntry>, earliest: number): void {
  for (const [key, { parkedOffset }] of entries) if (parkedOffset < earliest) entries.delete(key);
}

/** One record of a parked topic. What is neither parked nor a resolution somebody else has written there: it means nothing. */
function apply(entries: Map<string, ParkedEntry>, record: LogRecord): void {
  const parked = readParked(record.headers);
  if (parked) {
    const { topic, incarnation, partition, offset, reason, attempts } = parked;
    const key = keyOf(parked);
    entries.set(key, {
      topic,
      incarnation,
      partition,
      offset,
      parkedOffset: record.offset,
      parkedAt: record.timestamp,
      reason: reason.length > longestReason ? `${reason.slice(0, longestReason).toWellFormed()}…` : reason,
      attempts,
      payloadBytes: record.value?.length ?? 0,
      keyId: record.key ? keyIdOf(topic, record.key) : undefined,
    });
    return;
  }
  const resolution = readResolution(record);
  for (const position of resolution?.positions ?? []) {
    const key = keyOf(position);
    const entry = entries.get(key);
    if (entry && resolution && entry.parkedOffset < resolution.before) entries.delete(key);
  }
}
