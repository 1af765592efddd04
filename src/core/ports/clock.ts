import { randomUUID } from 'node:crypto';

/** Time and chance: all by which one run of the core differs from another. A simulation hands in its own. */
export interface Clock {
  /** Milliseconds since some moment, with fractions: monotonic, for everything that waits or measures. */
  now(): number;
  /** Milliseconds since 1970, for records and people: it may be set, forwards and backwards. */
  wallTime(): number;
  /** Milliseconds of processor time that this process has used, by all its threads. */
  cpuTime(): number;
  /** Calls back once, after so many milliseconds at the earliest. */
  setTimeout(callback: () => void, ms: number): Timer;
  /** Rejects with the signal's reason when that aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to 1, for jitter. */
  random(): number;
  /** A UUID that nobody else has. */
  uuid(): string;
}

/** A call that is still to come. */
export interface Timer {
  /** Takes it back; harmless when it has happened. */
  close(): unknown;
  /** Does not keep the process alive for it. */
  unref(): Timer;
}

/** `Clock.sleep` by a clock's timers. */
export function sleepBy(setTimer: Clock['setTimeout']): Clock['sleep'] {
  return (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        timer.close();
        reject(signal?.reason);
      };
      const timer = setTimer(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
}

/** The time of this machine, and its randomness. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  cpuTime() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  sleep: sleepBy((callback, ms) => setTimeout(callback, ms)),
  random: () => Math.random(),
  uuid: () => randomUUID(),
};
