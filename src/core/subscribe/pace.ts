import type { Clock } from '../ports/clock.js';

/** How many records were committed in the last while. */
export interface Pace {
  add(records: number): void;
  /** The sum over the window, which ends now; up to an eighth of the window may be missing at its beginning. */
  readonly total: number;
}

const slots = 8;

/** Counts in eight slots that are used again: its size does not depend on what is counted. */
export function createPace(clock: Clock, windowMs: number): Pace {
  const counts = new Array<number>(slots).fill(0);
  const slotMs = windowMs / slots;
  let total = 0;
  let slot = Math.floor(clock.now() / slotMs);

  function advance(): void {
    const now = Math.floor(clock.now() / slotMs);
    for (let left = Math.min(now - slot, slots), at = slot + 1; left > 0; left--, at++) {
      total -= counts[at % slots] ?? 0;
      counts[at % slots] = 0;
    }
    slot = Math.max(slot, now);
  }

  return {
    add(records) {
      advance();
      counts[slot % slots] = (counts[slot % slots] ?? 0) + records;
      total += records;
    },
    get total() {
      advance();
      return total;
    },
  };
}
