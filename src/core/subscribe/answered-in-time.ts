import { timeLeft } from '../deadline.js';
import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { Subscriptions } from './frames.js';

/** How long a commit takes at most, whatever coordination and the log do. */
const mostMs = 5_000;

/**
 * Commits that are answered within 5 s, and before the deadline of their call: a consumer that waits for a commit does not read meanwhile. A commit that is not
 * confirmed by then goes on, and may still happen.
 */
export function answeredInTime(clock: Clock, commit: Subscriptions['commit']): Subscriptions['commit'] {
  return (command, signal) => {
    const ms = Math.max(0, Math.min(mostMs, timeLeft(signal) ?? mostMs));
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => reject(unconfirmed(ms)), ms);
      commit(command, signal)
        .then(resolve, reject)
        .finally(() => timer.close());
    });
  };
}

function unconfirmed(ms: number): BusError {
  const message = `the commit was not confirmed within ${Math.round(ms)} ms, and may have happened: commit again`;
  return new BusError('COORDINATION_UNAVAILABLE', message);
}
