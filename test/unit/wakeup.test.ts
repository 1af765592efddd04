import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/ports/clock.js';
import { createWakeup } from '../../src/core/subscribe/wakeup.js';

/** Time that moves by hand. */
function handClock() {
  let now = 0;
  let timers: { readonly at: number; call(): void }[] = [];
  const clock: Clock = {
    ...systemClock,
    now: () => now,
    setTimeout(call, ms) {
      const timer = { at: now + ms, call };
      timers.push(timer);
      const handle = {
        close: () => {
          timers = timers.filter((each) => each !== timer);
        },
        unref: () => handle,
      };
      return handle;
    },
  };
  async function to(time: number): Promise<void> {
    for (;;) {
      const [next] = timers.toSorted((a, b) => a.at - b.at);
      if (!next || next.at > time) break;
      now = next.at;
      timers = timers.filter((each) => each !== next);
      next.call();
    }
    now = time;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { clock, to, pending: () => timers.length };
}

test('each wait takes its own time, longer or shorter than the one before, with one timer for all', async () => {
  const { clock, to, pending } = handClock();
  const wakeup = createWakeup(clock);
  const done: string[] = [];
  const wait = (name: string, ms: number) => wakeup.wait(ms).then(() => done.push(name));

  const first = wait('woken', 100);
  wakeup.wake();
  await first;
  await to(50);
  void wait('longer', 100);
  await to(149);
  expect(done).toEqual(['woken']);
  await to(150);
  expect(done).toEqual(['woken', 'longer']);
  const long = wait('woken again', 1_000);
  wakeup.wake();
  await long;
  void wait('shorter', 10);
  expect(pending()).toBe(1);
  await to(160);
  expect(done).toEqual(['woken', 'longer', 'woken again', 'shorter']);
});

test('a call that nobody waited for is remembered; closing wakes, and leaves no timer', async () => {
  const { clock, to, pending } = handClock();
  const wakeup = createWakeup(clock);
  wakeup.wake();
  await wakeup.wait(1_000);
  let isDone = false;
  void wakeup.wait(1_000).then(() => {
    isDone = true;
  });
  await to(10);
  expect(isDone).toBe(false);
  wakeup.close();
  await to(11);
  expect(isDone).toBe(true);
  expect(pending()).toBe(0);
});
