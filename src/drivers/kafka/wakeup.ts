/** A wait that others can end; what was called for while nobody waited ends the next wait at once. */
export interface Wakeup {
  wake(): void;
  /** Resolves when woken, or after `ms`. */
  wait(ms: number): Promise<void>;
}

export function createWakeup(): Wakeup {
  let called = false;
  let end: (() => void) | undefined;
  return {
    wake: () => {
      called = true;
      end?.();
    },
    wait: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => end?.(), Math.min(ms, 2 ** 31 - 1));
        end = () => {
          clearTimeout(timer);
          end = undefined;
          called = false;
          resolve();
        };
        if (called) end();
      }),
  };
}
