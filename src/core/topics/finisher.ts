import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { Lifecycle } from './lifecycle.js';
import { withTopicLock } from './lock.js';
import type { TopicRegistry } from './registry.js';

const lockWaitMs = 60_000;
const mostBackoffMs = 10_000;

/** Finishes in the background what other calls, on this instance or another, have left half-way. */
export interface Finisher {
  /** A topic was found being created or deleted: as soon as nobody holds its lock it is finished, however often it takes. */
  notice(name: string): void;
  /** Topics that could not be finished so far, in words. */
  troubles(): string[];
}

export function createFinisher(lifecycle: Lifecycle, registry: TopicRegistry, signal: AbortSignal): Finisher {
  const troubles = new Map<string, string>();
  const running = new Set<string>();
  const { clock, coordination } = registry.store;

  async function finish(name: string): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await withTopicLock({ clock, coordination }, name, { ms: lockWaitMs, signal }, (lock) =>
          lifecycle.settle(name, lock),
        );
        await registry.refresh(name);
        return;
      } catch (error) {
        troubles.set(name, `topic ${name} is left half-way: ${BusError.from(error).message}`);
        await pause(clock, Math.min(mostBackoffMs, 500 * 2 ** Math.min(attempt, 10)), signal);
      }
    }
  }

  function notice(name: string): void {
    if (running.has(name) || signal.aborted) return;
    running.add(name);
    void finish(name).finally(() => {
      running.delete(name);
      troubles.delete(name);
      // The same name may have begun another life meanwhile, unnoticed because this one was still running.
      const state = registry.known(name)?.found.record.state;
      if (state !== undefined && state !== 'active') notice(name);
    });
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
