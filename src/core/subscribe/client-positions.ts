import type { Held } from '../offsets/hand-over.js';
import { type StreamOf, streamIsOver } from '../offsets/keep-alive.js';
import type { RecordedPosition } from '../offsets/records.js';
import type { Clock } from '../ports/clock.js';

/** The partitions of a stream whose client says where each begins. */
export interface ClientPositions {
  /** The partitions that have no position yet. */
  readonly awaiting: ReadonlyMap<string, Held>;
  /** When the first of them is given up, by the clock's time; infinite where none is awaited. */
  readonly dueAt: number;
  /** The stream owns a partition from now on. */
  hold(key: string, held: Held, generation: number): void;
  /** The stream does not own a partition any more. */
  drop(key: string): void;
  /** Throws FENCED unless the stream owns all of the partitions, since this generation or an earlier one. */
  check(of: StreamOf, keys: readonly string[], current: number | undefined): void;
  /** Takes a position out of those that are awaited; undefined where it has one already, or is not this stream's. */
  take(position: RecordedPosition): Held | undefined;
}

/** How long a client may take to set a position. */
const patienceMs = 30_000;

export function createClientPositions(clock: Clock): ClientPositions {
  const awaiting = new Map<string, Held>();
  /** By key, in the order in which they were gained. */
  const until = new Map<string, number>();
  const gainedAt = new Map<string, number>();
  return {
    awaiting,
    get dueAt() {
      return until.values().next().value ?? Number.POSITIVE_INFINITY;
    },
    hold(key, held, generation) {
      awaiting.set(key, held);
      until.set(key, clock.now() + patienceMs);
      gainedAt.set(key, generation);
    },
    drop(key) {
      awaiting.delete(key);
      until.delete(key);
      gainedAt.delete(key);
    },
    check(of, keys, current) {
      // A position that was meant for an earlier ownership is out of date: another stream may have gone on since.
      const isOwned = (key: string) => of.generation >= (gainedAt.get(key) ?? Number.POSITIVE_INFINITY);
      if (current === undefined || of.generation > current || !keys.every(isOwned)) throw streamIsOver(of);
    },
    take({ key, generation }) {
      const held = awaiting.get(key);
      if (!held || generation < (gainedAt.get(key) ?? 0)) return undefined;
      awaiting.delete(key);
      until.delete(key);
      return held;
    },
  };
}
