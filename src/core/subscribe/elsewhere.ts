import { type Held, keyOf, type PartitionOf } from '../offsets/hand-over.js';
import { offsetPath, readOffset } from '../offsets/records.js';
import type { Coordination } from '../ports/coordination.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { StartPositions } from './start.js';

/** The partitions of a bounded stream's subscriber that other streams own: it ends when these too are committed up to the stream's ends. */
export interface Elsewhere {
  /** Whether nothing is left in what is not held. `wake` tells when the answer may have changed. */
  isDone(held: ReadonlyMap<string, Held>): boolean;
}

export interface ElsewhereOptions {
  readonly coordination: Coordination;
  readonly subscriber: string;
  /** The topics that there were at the start. */
  readonly found: readonly ActiveTopic[];
  readonly ends: StartPositions;
  wake(): void;
  readonly signal: AbortSignal;
}

/** Watches the offset records of what is not held, from the first question on. */
export function createElsewhere({ coordination, subscriber, found, ends, wake, signal }: ElsewhereOptions): Elsewhere {
  /** By key: what is not known to be committed up to its end. */
  const open = new Map<string, PartitionOf & { readonly end: number }>();
  const watches = new Map<string, () => void>();
  for (const topic of found) {
    for (const [partition, end] of ends.get(topic.name) ?? []) {
      if (end > 0) open.set(keyOf(topic, partition), { topic, partition, end });
    }
  }
  const unwatch = (key: string) => {
    watches.get(key)?.();
    watches.delete(key);
  };
  signal.addEventListener('abort', () => [...watches.keys()].forEach(unwatch), { once: true });

  function watch(key: string, { topic, partition, end }: PartitionOf & { readonly end: number }): void {
    const look = () => {
      readOffset(coordination, subscriber, topic.name, partition).then(
        (entry) => {
          if (entry?.record.incarnation !== topic.incarnation || entry.record.next < end) return;
          open.delete(key);
          unwatch(key);
          wake();
        },
        // The watch calls again when coordination is back.
        () => undefined,
      );
    };
    watches.set(key, coordination.watch(offsetPath(subscriber, topic.name, partition), 'value', look));
    look();
  }

  return {
    isDone(held) {
      let isDone = true;
      for (const [key, each] of open) {
        if (held.has(key)) continue;
        isDone = false;
        if (!watches.has(key) && !signal.aborted) watch(key, each);
      }
      return isDone;
    },
  };
}
