import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type TopicLock, withTopicLock } from './lock.js';
import type { TopicRegistry } from './registry.js';

const lockWaitMs = 60_000;
const mostBackoffMs = 10_000;

/** Work under topics' locks that has no caller: it is tried, with growing pauses, until it succeeds. */
export interface BackgroundWork {
  /** As soon as nobody holds the topic's lock the work is done, however often it takes. Resolves when it is done, or has failed for the first time. */
  notice(name: string): Promise<void>;
  /** What could not be done so far, in words. */
  troubles(): string[];
}

export interface WorkOptions {
  readonly registry: TopicRegistry;
  readonly signal: AbortSignal;
  run(name: string, lock: TopicLock): Promise<unknown>;
  /** In words: what has not been done, and why. */
  trouble(name: string, why: string): string;
  /** Asked when the work is done: whether the topic needs it again by now. */
  isNeeded(name: string): boolean;
}

interface Running {
  /** Resolves after the first attempt. */
  readonly tried: Promise<void>;
}

export function createBackgroundWork({ registry, signal, run, trouble, isNeeded }: WorkOptions): BackgroundWork {
  const troubles = new Map<string, string>();
  const running = new Map<string, Running>();
  const { clock, coordination } = registry.store;

  async function finish(name: string, tried: () => void): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await withTopicLock({ clock, coordination }, name, { ms: lockWaitMs, signal }, (lock) => run(name, lock));
        await registry.refresh(name);
        return;
      } catch (error) {
        troubles.set(name, trouble(name, BusError.from(error).message));
        tried();
        await pause(clock, Math.min(mostBackoffMs, 500 * 2 ** Math.min(attempt, 10)), signal);
      }
    }
  }

  async function notice(name: string): Promise<void> {
    if (signal.aborted) return;
    const before = running.get(name);
    if (before !== undefined) return before.tried;
    let done: () => void = () => undefined;
    const tried = new Promise<void>((resolve) => {
      done = resolve;
    });
    running.set(name, { tried });
    void finish(name, done).finally(() => {
      running.delete(name);
      troubles.delete(name);
      done();
      // The same name may have begun another life meanwhile, unnoticed because this one was still running.
      if (isNeeded(name)) void notice(name);
    });
    return tried;
  }

  return { notice, troubles: () => [...troubles.values()] };
}

/** Also ends when the signal aborts. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.close();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, ms).unref();
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
