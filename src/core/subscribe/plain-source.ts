import { matchesPattern } from '../topics/pattern.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { Bound } from './bound.js';
import type { Serving } from './serving.js';
import type { StartPositions } from './start.js';

/** What decides which partitions a stream serves. */
export interface Source {
  /** Brings what is served up to date; whether that has changed it. */
  update(): boolean;
  /** Undefined where no generation has to be named in commits. */
  readonly generation: number | undefined;
  readonly waiting: boolean;
  /** Whether the stream serves what it is going to serve: only then it can come to an end. */
  readonly isSettled: boolean;
}

export interface PlainSourceOptions {
  readonly serving: Serving;
  readonly topics: Topics;
  /** Topics that match join by themselves. */
  readonly pattern: string | undefined;
  /** Of one topic: only these. Undefined: all, and what is added. */
  readonly partitions: readonly number[] | undefined;
  readonly starts: StartPositions;
  /** Where to stop; undefined: never, and what is added is served too. */
  readonly bound: Bound | undefined;
  readonly signal: AbortSignal;
}

/** All partitions of all topics, or those that are chosen: of a stream without a subscriber. What is added later, partitions and topics, starts at its beginning. */
export function createPlainSource(options: PlainSourceOptions): Source {
  const { serving, topics, pattern, partitions: chosen, starts, bound, signal } = options;
  /** By topic: its life, and how many partitions are served. */
  const served = new Map<string, { readonly incarnation: string; readonly partitions: number }>();
  let isFirst = true;
  let seen = -1;

  function scan(wanted: string): void {
    for (const topic of topics.all()) {
      if (matchesPattern(wanted, topic.name) && !isOpenInItsLife(topic)) serving.openSoon(topic);
    }
  }

  function isOpenInItsLife({ name, incarnation }: ActiveTopic): boolean {
    return serving.get(name)?.topic.incarnation === incarnation;
  }

  if (pattern !== undefined && !bound?.ends) {
    signal.addEventListener(
      'abort',
      topics.watchAll(() => scan(pattern)),
      { once: true },
    );
    scan(pattern);
  }

  return {
    generation: undefined,
    waiting: false,
    isSettled: true,
    update() {
      // Asked for each frame, and seldom anything has changed.
      if (seen === serving.changes) return false;
      seen = serving.changes;
      const ends = bound?.ends;
      let changed = false;
      for (const name of served.keys()) {
        if (serving.get(name)) continue;
        served.delete(name);
        changed = true;
      }
      for (const { topic, feed, progress } of serving.all()) {
        const before = served.get(topic.name);
        const first = before?.incarnation === topic.incarnation ? before.partitions : 0;
        const count = isFirst ? topic.settings.partitions : feed.partitions.length;
        if (chosen && !isFirst) continue;
        if (first >= count || (ends && !isFirst && !ends.get(topic.name)?.has(first))) continue;
        for (const partition of chosen ?? range(first, count)) {
          const start = isFirst ? starts.get(topic.name)?.get(partition) : undefined;
          progress.serve(partition, start ?? 0, ends && (ends.get(topic.name)?.get(partition) ?? 0));
        }
        served.set(topic.name, { incarnation: topic.incarnation, partitions: count });
        changed = true;
      }
      isFirst = false;
      return changed;
    },
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
