import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, or rejects with the signal's reason once it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}

/** Grows from 50 ms to `most`, with some jitter, so that many instances do not come back at the same moment. */
export function backoff(attempt: number, most: number): number {
  return Math.min(most, 50 * 2 ** Math.min(attempt, 10)) * (0.75 + Math.random() / 2);
}

/** The promise's outcome, or the signal's reason as soon as it aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** The time for something is up, and its outcome is not known yet. */
export class TimeUp extends Error {
  override readonly name = 'TimeUp';
}

/**
 * The promise's outcome, or TimeUp at `deadline` (by performance.now()).
 *
 * @param atMostMs within which the promise settles by itself: no timer is started where the deadline is later than that
 */
export async function inTime<T>(
  promise: Promise<T>,
  deadline: number,
  atMostMs = Number.POSITIVE_INFINITY,
): Promise<T> {
  const left = deadline - performance.now();
  if (left > atMostMs) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeUp('the time is up')), Math.max(0, left));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
