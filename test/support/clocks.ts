import { type Clock, sleepBy, systemClock, type Timer } from '../../src/core/ports/clock.js';

/** A clock by which waiting takes so many times less. The time of day is the machine's. */
export function fastClock(times: number): Clock {
  const setTimer: Clock['setTimeout'] = (callback, ms) => systemClock.setTimeout(callback, ms / times);
  return { ...systemClock, now: () => systemClock.now() * times, setTimeout: setTimer, sleep: sleepBy(setTimer) };
}

/** A clock whose timers never end: for what must not wait for one. */
export const withoutTimers: Clock = {
  ...systemClock,
  setTimeout() {
    const timer: Timer = { close: () => undefined, unref: () => timer };
    return timer;
  },
  sleep: () => new Promise(() => undefined),
};
