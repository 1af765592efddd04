import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient, EndReason, type SubscribeInput } from '../../src/client/index.js';
import { useCluster } from '../cluster/use-cluster.js';
import { openApp } from '../support/app-stand.js';
import { driverPairs } from '../support/pairs.js';

const cluster = await useCluster();
const [, pair] = await driverPairs();
const kafka = new Kafka({ brokers: cluster?.brokers ?? [], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const producer = kafka.producer();
beforeAll(async () => {
  if (pair) await Promise.all([admin.connect(), producer.connect()]);
});
afterAll(async () => {
  if (pair) await Promise.all([admin.disconnect(), producer.disconnect()]);
});

const hour = 3_600_000;

describe.skipIf(!pair)('until a time, of a topic whose publishers give the times', () => {
  async function open() {
    if (!pair) throw new Error('there is no cluster');
    const { address } = await openApp(pair);
    const client = createMainstemClient({ address });
    onTestFinished(() => client.close());
    const topic = `theirs-${randomUUID().slice(0, 8)}`;
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
    const produce = (...records: readonly (readonly [n: number, timestamp: number])[]) =>
      producer.send({
        topic,
        messages: records.map(([n, timestamp]) => ({
          partition: n % 2,
          value: String(n),
          timestamp: String(timestamp),
        })),
      });
    const read = async (time: Date, more: Partial<SubscribeInput> = {}, onReady?: () => Promise<unknown>) => {
      const numbers: number[] = [];
      const input = {
        from: 'earliest',
        until: { time },
        ...more,
        topic,
        topics: undefined,
        pattern: undefined,
      } as const;
      for await (const frame of client.frames(input)) {
        if (frame.case === 'ready') await onReady?.();
        if (frame.case === 'end') {
          return { numbers: numbers.sort((a, b) => a - b), reason: frame.value.reason, cursor: frame.value.cursor };
        }
        if (frame.case !== 'events') continue;
        for (const { jsonBytes } of frame.value.records) numbers.push(Number(Buffer.from(jsonBytes).toString()));
      }
      throw new Error('the stream ended without an end');
    };
    const adopt = () => client.topics.create({ topic, adopt: true, settings: { schemaless: true } });
    return { client, topic, produce, read, adopt };
  }

  test('a record of the future hides nothing that is older; it is left out itself', async () => {
    const { produce, read, adopt } = await open();
    const now = Date.now();
    await produce([0, now - hour], [2, now + hour], [4, now - 2 * hour], [1, now - hour], [3, now], [5, now - hour]);
    await adopt();
    const until = new Date(now - hour / 2);
    const { numbers, reason, cursor } = await read(until);
    expect([numbers, reason]).toEqual([[0, 1, 4, 5], EndReason.UNTIL]);
    // The end is past everything that was there.
    await produce([6, now - hour]);
    expect((await read(until, { from: { cursor } })).numbers).toEqual([6]);
    expect((await read(until, { subscriber: `s-${randomUUID()}`, commitMode: 'on_delivery' })).numbers).toEqual([
      0, 1, 4, 5, 6,
    ]);
    expect((await read(until, { filter: 'payload > 3' })).numbers).toEqual([4, 5, 6]);
    expect((await read(until, { limit: 2 })).reason).toBe(EndReason.LIMIT);
  });

  test('a time to come: everything older that comes until then, and no later one', async () => {
    const { produce, read, adopt } = await open();
    const now = Date.now();
    const until = new Date(now + 3_000);
    await produce([0, now + hour], [1, now - hour]);
    await adopt();
    const { numbers, reason } = await read(until, {}, () => produce([2, now - hour], [3, now + hour], [5, now]));
    expect([numbers, reason]).toEqual([[1, 2, 5], EndReason.UNTIL]);
    expect(Date.now()).toBeGreaterThanOrEqual(until.getTime());
  });
});
