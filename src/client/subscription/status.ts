import type {
  EndReason,
  FilterErrors,
  Gap,
  PartitionProgress,
  TopicPartitions,
} from '../../gen/mainstem/v1/subscribe_pb.js';
import type { MainstemError } from '../errors.js';

/** What happens to a subscription beside its events. */
export type SubscriptionStatus =
  /** A stream has begun: the first one, or one after a break. */
  | { readonly kind: 'connected'; readonly streamId: string }
  /** What this stream serves from now on. `waiting`: others of the same subscriber have all partitions. */
  | { readonly kind: 'assigned'; readonly topics: readonly TopicPartitions[]; readonly waiting: boolean }
  /**
   * Nothing to see; how far the stream is in each partition, and the end of each. `filterErrors`: records for which the filter gave no answer, if any.
   */
  | {
      readonly kind: 'heartbeat';
      readonly partitions: readonly PartitionProgress[];
      readonly filterErrors: FilterErrors | undefined;
    }
  /** Records that will not come. */
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** Everything before this cursor is committed, durably. */
  | { readonly kind: 'committed'; readonly cursor: string }
  /** A commit did not succeed. FENCED: another stream has taken over, and gets these events again. Else it is tried again. */
  | { readonly kind: 'not_committed'; readonly error: MainstemError }
  /** The stream broke, or its server stops; the next attempt follows after `waitMs` milliseconds. */
  | { readonly kind: 'disconnected'; readonly error: MainstemError; readonly waitMs: number }
  /** The stream has come to its end, and why: `until`, `limit` and so on; a filter that took too much too, which the message explains. */
  | { readonly kind: 'finished'; readonly reason: EndReason; readonly message: string }
  /** The reader of this iterable was too slow: so many of the oldest were dropped. */
  | { readonly kind: 'missed'; readonly count: number }
  /** The last one. */
  | { readonly kind: 'ended'; readonly error: MainstemError | undefined };

/** How many each reader of the status may be behind. */
const mostWaiting = 256;

/** Tells any number of readers; one that does not read holds a bounded number, the newest. */
export interface StatusBoard {
  tell(status: SubscriptionStatus): void;
  read(): AsyncIterableIterator<SubscriptionStatus>;
}

export function createStatusBoard(): StatusBoard {
  const readers = new Set<{ waiting: SubscriptionStatus[]; missed: number; wake: () => void }>();
  let last: SubscriptionStatus | undefined;
  return {
    tell(status) {
      if (status.kind === 'ended') last = status;
      for (const reader of readers) {
        reader.waiting.push(status);
        if (reader.waiting.length > mostWaiting) {
          reader.waiting.shift();
          reader.missed++;
        }
        reader.wake();
      }
    },
    read() {
      // It hears from now on, not only from its first `next` on.
      const reader = { waiting: last ? [last] : [], missed: 0, wake: () => {} };
      readers.add(reader);
      async function* statuses(): AsyncGenerator<SubscriptionStatus, undefined, undefined> {
        try {
          for (;;) {
            if (reader.missed > 0) {
              yield { kind: 'missed', count: reader.missed };
              reader.missed = 0;
            }
            const next = reader.waiting.shift();
            if (next === undefined) {
              await new Promise<void>((resolve) => {
                reader.wake = resolve;
              });
              continue;
            }
            yield next;
            if (next.kind === 'ended') return;
          }
        } finally {
          readers.delete(reader);
        }
      }
      return statuses();
    },
  };
}
