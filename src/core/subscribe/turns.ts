import type { Clock } from '../ports/clock.js';

/**
 * Processor time for what streams do with each record: filters, projections. All streams of a process together take half of the time at most, and 5 ms
 * at once, so that whatever else is to be done has its turn; those that wait get theirs one after the other.
 */
export interface Turns {
  /** Whether there is time now. If not, `granted` is called once, when there is some, until the returned function is called. */
  ask(granted: () => void): (() => void) | undefined;
  /** Up to when one may go on without asking again, by the clock. */
  deadline(): number;
  /** Takes what was used since `begun`. */
  used(begun: number): void;
}

const sliceMs = 5;
/** What has to be saved up before the next one in line gets its turn. */
const leastMs = 2.5;
const share = 0.5;

export function createTurns(clock: Clock): Turns {
  const waiting = new Set<() => void>();
  let saved = sliceMs;
  let countedAt = clock.now();
  let isTimed = false;

  function count(): number {
    const now = clock.now();
    saved = Math.min(sliceMs, saved + (now - countedAt) * share);
    countedAt = now;
    return now;
  }

  function timeNext(): void {
    if (isTimed || waiting.size === 0) return;
    isTimed = true;
    clock
      .setTimeout(
        () => {
          isTimed = false;
          count();
          const [next] = waiting;
          if (next && saved >= leastMs) {
            waiting.delete(next);
            next();
          }
          timeNext();
        },
        Math.max(1, (leastMs - saved) / share),
      )
      .unref();
  }

  return {
    ask(granted) {
      count();
      if (saved > 0 && waiting.size === 0) return undefined;
      waiting.add(granted);
      timeNext();
      return () => waiting.delete(granted);
    },
    deadline: () => count() + Math.max(0, saved),
    used(begun) {
      // What was used saves nothing up.
      const now = clock.now();
      saved -= now - begun;
      countedAt = now;
    },
  };
}
