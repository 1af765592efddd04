import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { DependencyStatus } from '../ports/dependency.js';

/** How long what is in memory may be trusted while coordination is away. */
export interface Grace {
  /** Throws COORDINATION_UNAVAILABLE once coordination has been away for longer than the grace period. */
  check(): void;
  /** Throws it as soon as coordination is away. */
  checkUp(what: string): void;
  close(): void;
}

/** Counted by this process's monotonic clock from the moment that the status says `down`. */
export function createGrace(status: DependencyStatus, graceMs: number, clock: Clock): Grace {
  let downSince = status.state === 'down' ? clock.now() : undefined;
  const unsubscribe = status.onChange(({ state }) => {
    if (state === 'up') downSince = undefined;
    else if (state === 'down') downSince ??= clock.now();
  });
  return {
    check: () => {
      if (downSince === undefined || clock.now() - downSince <= graceMs) return;
      const seconds = Math.round((clock.now() - downSince) / 1000);
      throw new BusError(
        'COORDINATION_UNAVAILABLE',
        `coordination has been away for ${seconds} s, longer than the grace period`,
      );
    },
    checkUp: (what) => {
      if (downSince === undefined) return;
      throw new BusError(
        'COORDINATION_UNAVAILABLE',
        `coordination is away, so ${what} cannot be looked up; try again shortly`,
      );
    },
    close: unsubscribe,
  };
}
