/** Something to wait on that remembers a call that came while nobody waited. For one waiter. */
export interface Wakeup {
  wake(): void;
  /** Whether somebody waits just now. */
  readonly waiting: boolean;
  /** Resolves at the next wake (or at once after one that was not waited for), or after `ms`. */
  wait(ms: number): Promise<void>;
}

export function createWakeup(): Wakeup {
  let woken = false;
  let resolve: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;

  function finish(): void {
    clearTimeout(timer);
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
        timer = setTimeout(finish, Math.max(0, ms));
      });
    },
  };
}
