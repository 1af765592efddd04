import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kafkaClients, openKafka } from '../../src/drivers/kafka/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { type KafkaServer, startKafka } from '../cluster/kafka-server.js';
import { freshTopic, keepAll, readAll, record, textOf } from '../support/log-helpers.js';
import { tailCollector } from '../support/tail-collector.js';

const why = whyNoCluster('own', 'kafka');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);

describe.skipIf(why !== undefined)('kafka 4', { timeout: 240_000 }, () => {
  let server: KafkaServer;
  beforeAll(async () => {
    server = await startKafka({ version: '4.2.0' });
  });
  afterAll(() => server?.dispose());

  test.each(kafkaClients)('takes every request that the driver makes, through %s', async (client) => {
    const log = await openKafka({ brokers: server.brokers, client });
    try {
      const topic = freshTopic();
      await log.createTopic(topic, keepAll({ retentionMs: 3_600_000 }));
      await log.updateTopic(topic, { partitions: 2, retentionMs: 7_200_000, maxEventBytes: 2 * 1024 * 1024 });
      expect(await log.describeTopic(topic)).toMatchObject({
        partitions: 2,
        retentionMs: 7_200_000,
        maxEventBytes: 2 * 1024 * 1024,
        publisherTime: false,
      });
      const collector = tailCollector();
      const tail = log.openTail(collector.sink);
      tail.add(topic, 1, 0);
      const first = await log.append(topic, 1, [record('a', 'k'), record('b'), record('c')]);
      await collector.until(() => collector.of(topic, 1).nextOffset === 3);
      expect(collector.of(topic, 1).records.map(textOf)).toEqual(['a', 'b', 'c']);
      expect(await log.offsetForTime(topic, 1, first.timestamp)).toBe(0);
      expect(await log.size(topic)).toEqual([0, expect.any(Number)]);
      await log.truncateBefore(topic, 1, 1);
      expect(await log.bounds(topic, 1)).toMatchObject({ earliest: 1, highWatermark: 3 });
      expect((await readAll(log, topic, 1, 1)).map(textOf)).toEqual(['b', 'c']);
      expect(await log.listTopics()).toEqual([topic]);
      await log.deleteTopic(topic);
      expect(await log.listTopics()).toEqual([]);
      await collector.until(() => collector.of(topic, 1).stopped !== undefined);
      expect(collector.of(topic, 1).stopped).toEqual({ outcome: 'deleted' });
    } finally {
      await log.close();
    }
  });
});
