import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventLog, Slice } from '../../src/core/ports/event-log.js';
import { kafkaClients, openKafka } from '../../src/drivers/kafka/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { kafkaTool } from '../cluster/kafka-tool.js';
import { useKafka } from '../cluster/use-cluster.js';
import { freshTopic, keepAll, readAll, record, textOf } from '../support/log-helpers.js';
import { tailCollector } from '../support/tail-collector.js';
import { until } from '../support/wait.js';

const brokers = (await useKafka()) ?? [];
const toolsMissing = whyNoCluster('own', 'kafka') !== undefined;

const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
const admin = kafka.admin();

async function foreignTopic(configs: Record<string, string> = {}): Promise<string> {
  const topic = freshTopic();
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1, configEntries }] });
  return topic;
}

let logs: EventLog[] = [];
beforeAll(async () => {
  if (brokers.length === 0) return;
  logs = await Promise.all(kafkaClients.map((client) => openKafka({ brokers, client })));
  await admin.connect();
});
afterAll(async () => {
  if (brokers.length > 0) await admin.disconnect();
  await Promise.all(logs.map((log) => log.close()));
});

describe.skipIf(brokers.length === 0).each(kafkaClients)('kafka through %s: what others write', (client) => {
  let log: EventLog;
  beforeAll(async () => {
    log = await openKafka({ brokers, client });
  });
  afterAll(() => log?.close());

  test('values of any kind, nulls and headers are delivered as they are', async () => {
    const topic = await foreignTopic();
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: [
        { partition: 0, value: 'not json', timestamp: '1700000000000' },
        { partition: 0, key: 'k', value: null, timestamp: '1600000000000' },
        { partition: 0, value: Buffer.from([0, 255, 10]), headers: { a: ['1', '2'], b: Buffer.from('x') } },
      ],
    });
    await producer.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: ['x', 'y', 'z'].map((value) => ({ partition: 0, value })),
    });
    await producer.disconnect();
    expect((await log.describeTopic(topic))?.publisherTime).toBe(true);
    const records = await readAll(log, topic, 0);
    expect(records.map(textOf)).toEqual(['not json', null, Buffer.from([0, 255, 10]).toString(), 'x', 'y', 'z']);
    expect(records.map((one) => one.offset)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(records.slice(0, 2).map((one) => one.timestamp)).toEqual([1_700_000_000_000, 1_600_000_000_000]);
    expect(records[2]?.headers.map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual([
      ['a', '1'],
      ['a', '2'],
      ['b', 'x'],
    ]);
    // In the middle of a compressed batch.
    expect((await readAll(log, topic, 0, 4)).map(textOf)).toEqual(['y', 'z']);
    // They hold no larger buffer alive.
    for (const one of records) expect(one.value?.buffer.byteLength ?? 0).toBeLessThan(200);
  });

  test('transactions are seen when they are committed, never when they are aborted', async () => {
    const topic = await foreignTopic();
    const producer = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
    await until(() => producer.connect().then(() => true), { what: 'the transaction coordinator' });
    const collector = tailCollector();
    const tail = log.openTail(collector.sink);
    tail.add(topic, 0, 0);
    const run = async (value: string, end: 'commit' | 'abort') => {
      const transaction = await producer.transaction();
      await transaction.send({
        topic,
        messages: [
          { partition: 0, value },
          { partition: 0, value: `${value}+` },
        ],
      });
      await transaction[end]();
    };
    await run('a', 'commit');
    await run('b', 'abort');
    await run('c', 'abort');
    await run('d', 'commit');
    await run('e', 'abort');
    // Two records and a marker each.
    await collector.until(() => collector.of(topic, 0).nextOffset === 15);
    expect(collector.of(topic, 0).records.map(textOf)).toEqual(['a', 'a+', 'd', 'd+']);
    expect((await readAll(log, topic, 0, 0, 1)).map((one) => one.offset)).toEqual([0, 1, 9, 10]);
    expect(await log.read(topic, 0, 12, 1000)).toMatchObject({ outcome: 'ok', records: [], nextOffset: 15 });
    // While one is open nothing behind its first record is visible.
    const open = await producer.transaction();
    await open.send({ topic, messages: [{ partition: 0, value: 'f' }] });
    expect(await log.bounds(topic, 0)).toMatchObject({ earliest: 0, highWatermark: 15 });
    await open.commit();
    await collector.until(() => collector.of(topic, 0).nextOffset === 17);
    expect(collector.of(topic, 0).records.at(-1)?.offset).toBe(15);
    await tail.close();
    await producer.disconnect();
  });

  test('a compacted topic is known as one, and takes no record without a key', async () => {
    const topic = await foreignTopic({ 'cleanup.policy': 'compact,delete' });
    expect((await log.describeTopic(topic))?.compacted).toBe(true);
    expect((await log.describeTopic(await foreignTopic()))?.compacted).toBe(false);
    const keyless = { ...record('x'), key: null };
    await expect(log.append(topic, 0, [keyless])).rejects.toMatchObject({ reason: 'KEY_REQUIRED' });
    await log.append(topic, 0, [{ ...record('y'), key: Buffer.from('k') }]);
    expect((await log.bounds(topic, 0)).highWatermark).toBe(1);
  });

  test('the holes of a compacted topic are no gaps', async () => {
    const topic = await foreignTopic({
      'cleanup.policy': 'compact',
      'segment.ms': '200',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '200',
    });
    let next = 0;
    // The active segment is never compacted: each append after a while begins a new one.
    const touch = async () => {
      next = (await log.append(topic, 0, [record(`${next}`, 'same'), record(`${next}`, 'same')])).baseOffset + 2;
      const slice = await log.read(topic, 0, 0, 100_000);
      return slice.outcome === 'ok' && slice.records.length < slice.nextOffset ? slice : undefined;
    };
    const slice: Slice = await until(touch, { what: 'compaction', timeoutMs: 60_000, everyMs: 300 });
    expect(slice.records.map((one) => one.offset)).not.toContain(0);
    expect((await readAll(log, topic, 0)).length).toBeLessThan(next);
    const collector = tailCollector();
    const tail = log.openTail(collector.sink);
    tail.add(topic, 0, 1);
    await collector.until(() => (collector.of(topic, 0).nextOffset ?? 0) >= slice.nextOffset);
    await tail.close();
    const newest = await log.append(topic, 0, [record('end', 'end')]);
    expect((await readAll(log, topic, 0, 1, 1)).at(-1)?.offset).toBe(newest.baseOffset);
  }, 90_000);
});

// A tool takes seconds to start: what one has written is read through each client.
describe.skipIf(toolsMissing)('kafka: what its Java tools write, and what they read', () => {
  const produce = (topic: string, codec: string, lines: readonly string[]) => {
    const args = ['--bootstrap-server', brokers.join(','), '--topic', topic, '--compression-codec', codec];
    return kafkaTool('kafka.tools.ConsoleProducer', args, `${lines.join('\n')}\n`);
  };
  const lines = Array.from({ length: 500 }, (_, i) => `{"line":${i},"text":"${'abc '.repeat(i % 50)}"}`);

  test.each(['snappy', 'lz4', 'gzip', 'zstd'])('%s is read', async (codec) => {
    const topic = await foreignTopic();
    await produce(topic, codec, lines);
    for (const log of logs) {
      expect((await readAll(log, topic, 0)).map(textOf)).toEqual(lines);
      expect((await readAll(log, topic, 0, 250, 100)).map(textOf)).toEqual(lines.slice(250));
    }
  });

  test('a console consumer sees plain values with headers', async () => {
    const topic = freshTopic();
    await logs[0]?.createTopic(topic, keepAll());
    for (const log of logs) {
      await log.append(topic, 0, [
        record('{"n":1}', 'key', [['ce_id', Buffer.from('one')]]),
        record('{"n":2}', null, [
          ['a', Buffer.from('x')],
          ['a', Buffer.from('y')],
        ]),
      ]);
    }
    const options = ['print.key=true', 'print.headers=true'].flatMap((one) => ['--property', one]);
    const args = ['--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning', '--max-messages'];
    const out = await kafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...args,
      String(2 * logs.length),
      ...options,
    ]);
    const expected = ['ce_id:one\tkey\t{"n":1}', 'a:x,a:y\tnull\t{"n":2}'];
    expect(out.trim().split('\n')).toEqual(logs.flatMap(() => expected));
  });
});
