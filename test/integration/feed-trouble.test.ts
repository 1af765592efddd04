import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { openStream } from '../support/frames.js';
import { openBus, type TestBus } from '../support/open-bus.js';
import { until } from '../support/until.js';

const never = new AbortController().signal;
const create = (bus: TestBus) =>
  bus.topics.create({ name: 't', settings: { schemaless: true, partitions: 1 }, adopt: false });

async function publish(bus: TestBus, count: number): Promise<number[]> {
  const events = Array.from({ length: count }, (_, i) => ({ payload: Buffer.from(`${i}`), key: Buffer.from(`${i}`) }));
  const results = await bus.publisher.publish({ topic: 't', mode: 'all_or_nothing', events }, never);
  return results.map((result) => (result.status === 'stored' ? result.partition : -1));
}

/** Partitions from `first` on have no leader until `end` is called. */
function leaderless(bus: TestBus, first: number) {
  const progress = until();
  const { bounds } = bus.log;
  let away = true;
  let asked = 0;
  bus.log.bounds = (topic, partition) => {
    if (partition < first || !away) return bounds(topic, partition);
    asked++;
    progress.changed();
    return Promise.reject(new BusError('LOG_UNAVAILABLE', 'there is no leader'));
  };
  return {
    asked: (times: number) => progress.until(() => asked >= times),
    end: () => {
      away = false;
    },
  };
}

test('running streams go on where an added partition has no leader yet, also past streams that fail to start; then they get it', async () => {
  await using bus = await openBus();
  await create(bus);
  const running = openStream(bus.subscriptions, { topic: 't' });
  await running.expect('ready');
  const log = leaderless(bus, 1);
  await bus.topics.apply({ name: 't', settings: { partitions: 2 }, schemas: [] });
  await log.asked(1);
  const late = openStream(bus.subscriptions, { topic: 't' });
  await expect(late.next()).rejects.toMatchObject({ reason: 'LOG_UNAVAILABLE' });

  const partitions = await publish(bus, 20);
  const inFirst = partitions.filter((partition) => partition === 0).length;
  expect(await running.records(inFirst)).toHaveLength(inFirst);
  log.end();
  expect((await running.expect('assignment')).assignment.partitions).toEqual([0, 1]);
  expect(await running.records(20 - inFirst)).toHaveLength(20 - inFirst);
  running.close();
});

test('streams that come while the log is away share one attempt, and are told to try again', async () => {
  await using bus = await openBus();
  await create(bus);
  let answer: (error: Error) => void = () => undefined;
  let asked = 0;
  const progress = until();
  const { bounds } = bus.log;
  bus.log.bounds = (topic, partition) => {
    if (asked++ > 0) return bounds(topic, partition);
    progress.changed();
    return new Promise((_, reject) => {
      answer = reject;
    });
  };
  const streams = Array.from({ length: 20 }, () => openStream(bus.subscriptions, { topic: 't' }));
  const first = streams.map((stream) => stream.next().catch((error: unknown) => error));
  await progress.until(() => asked === 1);
  await new Promise(setImmediate);
  answer(new BusError('LOG_UNAVAILABLE', 'the log is away'));
  for (const result of first) expect(await result).toMatchObject({ reason: 'LOG_UNAVAILABLE' });
  expect(asked).toBe(1);
  const again = openStream(bus.subscriptions, { topic: 't' });
  await again.expect('ready');
  again.close();
});
