import { type Clock, sleepBy, type Timer } from '../../src/core/ports/clock.js';
import type { Random } from '../support/random.js';
import type { Planned, Scheduler } from './scheduler.js';

/** A process: it has a clock, and can be paused (SIGSTOP) and killed. Whatever happens in it goes through `run`. */
export interface Host {
  readonly name: string;
  readonly clock: Clock;
  readonly alive: boolean;
  readonly paused: boolean;
  /** Does something in the process: at once; when it goes on, if it is paused; never, if it is dead. */
  run(act: () => void): void;
  pause(): void;
  resume(): void;
  /** @param silent nobody is told: as when its machine loses power */
  kill(silent?: boolean): void;
  /** Calls back, outside of the process, when it dies. */
  onDeath(listener: (silent: boolean) => void): () => void;
  /** How long it has run, without the pauses. */
  unpausedMs(): number;
}

/** When 1970 was `wallStart` ms ago at virtual time 0. */
const wallStart = Date.UTC(2026, 0, 1);
/** How late a timer may be. */
const timerLatenessMs = 2;

export function createHost(name: string, scheduler: Scheduler, random: Random): Host {
  const clock = createClock(scheduler, random, (act) => host.run(act));
  const deathListeners = new Set<(silent: boolean) => void>();
  let held: (() => void)[] = [];
  let alive = true;
  let paused = false;
  let pausedAt = 0;
  let pausedMs = 0;
  const host: Host = {
    name,
    clock,
    get alive() {
      return alive;
    },
    get paused() {
      return paused;
    },
    run(act) {
      if (!alive) return;
      if (paused) held.push(act);
      else act();
    },
    pause() {
      if (paused) return;
      paused = true;
      pausedAt = scheduler.now();
    },
    resume() {
      if (!paused) return;
      paused = false;
      pausedMs += scheduler.now() - pausedAt;
      const waiting = held;
      held = [];
      // One after the other, each with what follows from it; and before anything that comes in later.
      for (const act of waiting) scheduler.after(0, () => host.run(act));
    },
    kill(silent = false) {
      alive = false;
      held = [];
      for (const listener of [...deathListeners]) listener(silent);
      deathListeners.clear();
    },
    onDeath(listener) {
      deathListeners.add(listener);
      return () => deathListeners.delete(listener);
    },
    unpausedMs: () => (paused ? pausedAt : scheduler.now()) - pausedMs,
  };
  return host;
}

/** A clock in virtual time. @param run does what a timer has been set for */
export function createClock(
  scheduler: Scheduler,
  random: Random,
  run: (act: () => void) => void = (act) => act(),
): Clock {
  const setTimeout = (callback: () => void, ms: number): Timer => {
    let open = true;
    const act = () => {
      if (!open) return;
      open = false;
      callback();
    };
    const planned: Planned = scheduler.after(ms + random.next() * timerLatenessMs, () => run(act));
    const timer: Timer = {
      close() {
        open = false;
        planned.cancel();
      },
      unref: () => timer,
    };
    return timer;
  };
  const hex = (digits: number) => Array.from({ length: digits }, () => random.between(0, 15).toString(16)).join('');
  return {
    now: scheduler.now,
    wallTime: () => wallStart + scheduler.now(),
    setTimeout,
    sleep: sleepBy(setTimeout),
    // Nothing takes any in virtual time.
    cpuTime: () => 0,
    random: random.next,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
  };
}
