import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/ports/clock.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { sumOf, withFigures } from '../../src/core/topics/figures.js';
import { createMemoryWorld, delayingLink } from '../../src/drivers/memory/index.js';
import { keepAll, record } from '../support/log-helpers.js';

let wall = 1_000_000_000;
const clock: Clock = { ...systemClock, wallTime: () => wall };

function openLog(): EventLog {
  return createMemoryWorld({ clock }).openLog({ link: delayingLink(clock, 0), clock });
}

async function figures(log: EventLog) {
  const partitions = await Promise.all(
    [0, 1].map(async (partition) => ({ partition, ...(await log.bounds('t', partition)) })),
  );
  return withFigures({ log, clock }, 't', partitions);
}

test('the rate is that of the last minute, the size what is left', async () => {
  const log = openLog();
  await log.createTopic('t', keepAll({ partitions: 2 }));
  expect(await figures(log)).toMatchObject([
    { sizeBytes: 0, eventsPerSecond: 0 },
    { sizeBytes: 0, eventsPerSecond: 0 },
  ]);
  await log.append('t', 0, [record('a'), record('b')]);
  wall += 61_000;
  await log.append('t', 0, [record('c'), record('d'), record('e')]);
  const [first, second] = await figures(log);
  expect(first).toMatchObject({ earliest: 0, highWatermark: 5, eventsPerSecond: 3 / 60 });
  expect(first?.sizeBytes).toBeGreaterThan(0);
  expect(second?.eventsPerSecond).toBe(0);
  wall += 61_000;
  expect((await figures(log))[0]?.eventsPerSecond).toBe(0);
  await log.truncateBefore('t', 0, 5);
  expect((await figures(log))[0]).toMatchObject({ sizeBytes: 0, eventsPerSecond: 0 });
});

test('what the log does not tell stays unknown, and so do the sums', async () => {
  const log = openLog();
  await log.createTopic('t', keepAll({ partitions: 2 }));
  await log.append('t', 1, [record('a')]);
  const silent: EventLog = Object.create(log, {
    size: { value: async () => [undefined, 7] },
    offsetForTime: { value: () => Promise.reject(new Error('away')) },
  });
  const told = await figures(silent);
  expect(told).toMatchObject([{ eventsPerSecond: 0 }, { sizeBytes: 7, eventsPerSecond: undefined }]);
  expect(sumOf(told.map(({ sizeBytes }) => sizeBytes))).toBeUndefined();
  expect(sumOf([1, 2])).toBe(3);
});
