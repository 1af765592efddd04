import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createTopics } from '../../src/core/topics/index.js';
import type { OutsideChange } from '../../src/core/topics/reconcile.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { type OutsideStand, outsidePairs } from '../support/changed-outside.js';
import { openStream } from '../support/frames.js';
import { inlineJudge } from '../support/inline-judge.js';
import { keepAll, record } from '../support/log-helpers.js';
import { openBusOn, type TestBus } from '../support/open-bus.js';
import { until } from '../support/wait.js';

const never = new AbortController().signal;
const pairs = await outsidePairs();

async function createTopic(bus: TestBus): Promise<string> {
  const name = `grown-${randomUUID().slice(0, 8)}`;
  await bus.topics.create({ name, settings: { schemaless: true }, adopt: false });
  return name;
}

/** Records of another producer, `each` in every partition: the bus has no part in it. */
async function write(stand: OutsideStand, topic: string, partitions: number, each: number): Promise<void> {
  const foreign = await stand.open();
  for (let partition = 0; partition < partitions; partition++) {
    const records = Array.from({ length: each }, (_, i) => record(`${partition * 100 + i}`));
    await until(() => foreign.log.append(topic, partition, records), {
      what: `partition ${partition} to be there`,
    });
  }
}

describe.each(pairs)('partitions that are added outside the bus: $name', { timeout: 60_000 }, ({ start }) => {
  test('are read from their beginning by running streams: plain ones, those of a subscriber, and those of a pattern', async () => {
    await using stand = await start();
    await using bus = await openBusOn(await stand.open());
    const topic = await createTopic(bus);
    const streams = [
      openStream(bus.subscriptions, { topic }),
      openStream(bus.subscriptions, { topic, subscriber: 's' }),
      openStream(bus.subscriptions, { pattern: topic }),
    ];
    for (const stream of streams) await stream.expect('ready');
    await stand.addPartitions(topic, 3);
    await write(stand, topic, 3, 4);
    for (const stream of streams) {
      const records = await stream.records(12);
      const wanted = [0, 1, 2].flatMap((partition) => [0, 1, 2, 3].map((i) => `${partition * 100 + i}`));
      expect(records.map(({ text }) => text).sort()).toEqual(wanted.sort());
      stream.close();
    }
  });

  test('are in a bounded read at once, and are published to', async () => {
    await using stand = await start();
    await using bus = await openBusOn(await stand.open());
    const topic = await createTopic(bus);
    await stand.addPartitions(topic, 3);
    await write(stand, topic, 3, 5);
    const bounded = openStream(bus.subscriptions, { topic, from: { at: 'earliest' }, follow: false });
    expect(await bounded.records(16)).toHaveLength(15);
    expect(bounded.others.at(-1)).toMatchObject({ kind: 'end', reason: 'caught_up' });
    const events = Array.from({ length: 60 }, (_, i) => ({ payload: Buffer.from('1'), key: Buffer.from(`${i}`) }));
    const results = await bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
    const used = new Set(results.map((result) => (result.status === 'stored' ? result.partition : -1)));
    expect([...used].sort()).toEqual([0, 1, 2]);
    expect((await bus.topics.get(topic)).partitions).toHaveLength(3);
  });

  test('are read by instances that start later, by a subscriber too, and also without coordination', async () => {
    await using stand = await start();
    let topic = '';
    {
      await using bus = await openBusOn(await stand.open());
      topic = await createTopic(bus);
      const first = openStream(bus.subscriptions, { topic, subscriber: 's', from: { at: 'latest' } });
      await first.expect('ready');
      first.close();
    }
    await stand.addPartitions(topic, 3);
    await write(stand, topic, 3, 5);
    const drivers = await stand.open();
    await using bus = await openBusOn(drivers);
    const durable = openStream(bus.subscriptions, { topic, subscriber: 's' });
    expect(await durable.records(15)).toHaveLength(15);
    durable.close();
    await stand.addPartitions(topic, 4);
    drivers.cutOff();
    await write(stand, topic, 4, 1);
    const bounded = openStream(bus.subscriptions, { topic, from: { at: 'earliest' }, follow: false });
    expect(await bounded.records(20)).toHaveLength(19);
    expect(bounded.others.at(-1)).toMatchObject({ kind: 'end', reason: 'caught_up' });
  });

  test('are written down by one instance, which says that keys move', async () => {
    await using stand = await start();
    const told: OutsideChange[] = [];
    const compiler = createSchemaCompiler();
    const open = async () => {
      const drivers = await stand.open();
      const onOutsideChange = (change: OutsideChange) => told.push(change);
      const topics = createTopics({ ...drivers, compiler, judge: inlineJudge(compiler), onOutsideChange });
      await topics.start();
      return topics;
    };
    const [one, two] = [await open(), await open()];
    const name = `grown-${randomUUID().slice(0, 8)}`;
    await one.create({ name, settings: { schemaless: true, retentionMs: 5_000_000 }, adopt: false });
    await two.require(name);
    await stand.addPartitions(name, 2);
    await stand.configure(name, { retentionMs: 4_000_000, maxEventBytes: keepAll().maxEventBytes * 2 });
    await Promise.all([one, two].map((topics) => topics.confirm([name])));
    await until(() => told.length > 0, { what: 'the change to be told' });
    expect(told).toHaveLength(1);
    expect(told[0]?.topic).toBe(name);
    expect(told[0]?.changes).toEqual(
      expect.arrayContaining([
        'partitions: 1 → 2',
        'retentionMs: 5000000 → 4000000',
        expect.stringMatching(/^maxEventBytes: 1048576 → 2\d{6}$/),
      ]),
    );
    expect(told[0]?.warnings).toEqual([expect.stringContaining('keys may go to other partitions')]);
    await until(async () => (await two.refresh(name)).settings.retentionMs === 4_000_000, { what: 'the record' });
    for (const topics of [one, two]) await topics.close();
  });
});
