import type { Clock, Timer } from '../ports/clock.js';

/** Something to wait on that remembers a call that came while nobody waited. For one waiter. */
export interface Wakeup {
  wake(): void;
  /** Whether somebody waits just now. */
  readonly waiting: boolean;
  /** Resolves at the next wake (or at once after one that was not waited for), or after `ms`. */
  wait(ms: number): Promise<void>;
  /** Wakes, and lets go of the timer. */
  close(): void;
}

const atOnce = Promise.resolve();

export function createWakeup(clock: Clock): Wakeup {
  let woken = false;
  let resolve: (() => void) | undefined;
  let until = 0;
  let timer: Timer | undefined;
  let timerAt = 0;

  function finish(): void {
    const done = resolve;
    resolve = undefined;
    done?.();
  }

  /** A timer that comes too early is cheaper than one that is made anew for each wait: most waits are short, and end by `wake`. */
  function onTime(): void {
    timer = undefined;
    if (!resolve) return;
    const left = until - clock.now();
    if (left <= 0) finish();
    else startTimer(left);
  }

  function startTimer(ms: number): void {
    timerAt = clock.now() + ms;
    timer = clock.setTimeout(onTime, ms);
  }

  function wake(): void {
    if (resolve) finish();
    else woken = true;
  }

  return {
    wake,
    get waiting() {
      return resolve !== undefined;
    },
    wait(ms) {
      if (woken) {
        woken = false;
        return atOnce;
      }
      return new Promise((onResolve) => {
        resolve = onResolve;
        until = clock.now() + Math.max(0, ms);
        if (timer && timerAt <= until) return;
        timer?.close();
        startTimer(Math.max(0, ms));
      });
    },
    close() {
      timer?.close();
      timer = undefined;
      wake();
    },
  };
}
