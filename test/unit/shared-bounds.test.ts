import { expect, test } from 'vitest';
import type { Bounds } from '../../src/core/ports/event-log.js';
import { type StartLog, sharedBounds } from '../../src/core/subscribe/shared-bounds.js';

/** A log of which only the bounds are asked: it answers when told to, with its end at that moment of asking. */
function slowLog() {
  const waiting: (() => void)[] = [];
  let end = 0;
  const ask = (topic: string, partition: number): Promise<Bounds> => {
    const highWatermark = end;
    return new Promise((resolve, reject) => {
      waiting.push(() => {
        if (topic === 'away') reject(new Error('away'));
        else resolve({ earliest: partition, highWatermark });
      });
    });
  };
  const log: StartLog = { bounds: ask, divergence: async () => undefined, offsetForTime: async () => 7 };
  return {
    log,
    append: () => ++end,
    questions: () => waiting.length,
    async answer() {
      for (const one of waiting.splice(0)) one();
      await new Promise(setImmediate);
    },
  };
}

test('many callers cost two questions, and none gets an answer from before its call', async () => {
  const { log, append, answer, questions } = slowLog();
  const shared = sharedBounds(log);
  const first = shared.bounds('t', 1);
  append();
  const later = Array.from({ length: 1_000 }, () => shared.bounds('t', 1));
  const other = shared.bounds('t', 2);
  expect(questions()).toBe(2);
  await answer();
  expect(questions()).toBe(1);
  await answer();
  expect(await first).toEqual({ earliest: 1, highWatermark: 0 });
  expect(await other).toEqual({ earliest: 2, highWatermark: 1 });
  for (const bounds of await Promise.all(later)) expect(bounds).toEqual({ earliest: 1, highWatermark: 1 });
});

test('a failure is that of those who shared the question; the next one asks anew', async () => {
  const { log, answer } = slowLog();
  const shared = sharedBounds(log);
  const failed = [shared.bounds('away', 0), shared.bounds('away', 0)].map((one) => one.catch((error) => error.message));
  await answer();
  await answer();
  expect(await Promise.all(failed)).toEqual(['away', 'away']);
  const again = shared.bounds('away', 0).catch((error) => error.message);
  await answer();
  expect(await again).toBe('away');
});
