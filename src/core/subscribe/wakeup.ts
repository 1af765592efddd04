import type { Clock, Timer } from '../ports/clock.js';

/** Something to wait on that remembers a call that came while nobody waited. For one waiter. */
export interface Wakeup {
  wake(): void;
  /** Whether somebody waits just now. */
  readonly waiting: boolean;
  /** Resolves at the next wake (or at once after one that was not waited for), or after `ms`. */
  wait(ms: number): Promise<void>;
}

export function createWakeup(clock: Clock): Wakeup {
  let woken = false;
  let resolve: (() => void) | undefined;
  let timer: Timer | undefined;

  function finish(): void {
    timer?.close();
    const done = resolve;
    resolve = undefined;
    done?.();
  }

  return {
    wake() {
      if (resolve) finish();
      else woken = true;
    },
    get waiting() {
      return resolve !== undefined;
    },
    wait(ms) {
      if (woken) {
        woken = false;
        return Promise.resolve();
      }
      return new Promise((onResolve) => {
        resolve = onResolve;
        timer = clock.setTimeout(finish, Math.max(0, ms));
      });
    },
  };
}
