import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { useCluster } from '../cluster/use-cluster.js';
import { openApp } from '../support/app-stand.js';
import { driverPairs } from '../support/pairs.js';

const cluster = await useCluster();
const [, pair] = await driverPairs();

describe.skipIf(!pair)('an event without data on a compacted topic', () => {
  test('deletes its key, and needs one', async () => {
    if (!pair) return;
    const { address } = await openApp(pair);
    const client = createMainstemClient({ address });
    onTestFinished(() => client.close());
    const topic = `compacted-${randomUUID().slice(0, 8)}`;
    const admin = new Kafka({ brokers: cluster?.brokers ?? [], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }];
    await admin.createTopics({ topics: [{ topic, configEntries }] });
    await admin.disconnect();
    await client.topics.create({ topic, adopt: true, settings: { schemaless: true } });
    const post = async (more: object) => {
      const answer = await fetch(`${address}/v1/topics/${topic}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify({ specversion: '1.0', source: '/s', type: 't', ...more }),
      });
      return { status: answer.status, body: JSON.parse(await answer.text()) };
    };
    expect((await post({ id: '1', partitionkey: 'k', data: 1 })).status).toBe(200);
    expect((await post({ id: '2', partitionkey: 'k' })).status).toBe(200);
    expect((await post({ id: '2', partitionkey: 'k' })).body.results).toMatchObject([{ offset: 1, duplicate: true }]);
    expect(await post({ id: '3' })).toMatchObject({ status: 422, body: { reason: 'KEY_REQUIRED' } });
    const kinds: unknown[] = [];
    for await (const event of client.subscribe({ topic, from: 'earliest', follow: false })) {
      kinds.push([event.keyText, event.kind, event.record.id]);
    }
    expect(kinds).toEqual([
      ['k', 'json', '1'],
      ['k', 'tombstone', '2'],
    ]);
  });
});
