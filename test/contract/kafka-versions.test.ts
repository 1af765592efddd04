import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadClient } from '../../src/drivers/kafka/clients.js';
import { kafkaClients, openKafka } from '../../src/drivers/kafka/index.js';
import { createKafkaClient, type KafkaClient } from '../../src/drivers/kafka/kafka-client.js';
import type { ConnectLink } from '../../src/drivers/kafka/kafka-link.js';
import { fetchRequest } from '../../src/drivers/kafka/protocol/fetch.js';
import { metadataRequest } from '../../src/drivers/kafka/protocol/metadata.js';
import { useKafka } from '../cluster/use-cluster.js';
import { freshTopic, keepAll, record, textOf } from '../support/log-helpers.js';

const brokers = (await useKafka()) ?? [];

/** What brokers of these versions know: the newest versions of Metadata (3) and Fetch (1) that they take. */
const kafkas = [
  { kafka: '2.4', metadata: 9, fetch: 11, hasIds: false },
  { kafka: '2.8', metadata: 11, fetch: 12, hasIds: true },
  { kafka: '3.9', metadata: 12, fetch: 17, hasIds: true },
] as const;

const cases = kafkaClients.flatMap((client) => kafkas.map((each) => ({ client, ...each })));

// The requests of which there are several forms, as if the broker were an older one.
describe.skipIf(brokers.length === 0).each(cases)('the requests for Kafka $kafka through $client', (each) => {
  const topic = freshTopic();
  let client: KafkaClient;

  beforeAll(async () => {
    const log = await openKafka({ brokers, client: each.client });
    await log.createTopic(topic, keepAll({ partitions: 2 }));
    await log.append(topic, 1, [record('a'), record('b')]);
    await log.close();
    const connect = await loadClient(each.client);
    const limited: ConnectLink = async (...place) => {
      const link = await connect(...place);
      const most = new Map<number, number>([
        [3, each.metadata],
        [1, each.fetch],
      ]);
      const supports = (key: number, version: number) =>
        version <= (most.get(key) ?? version) && link.supports(key, version);
      return { ...link, supports };
    };
    client = createKafkaClient({ brokers, clientId: 'test' }, limited);
  });
  afterAll(() => client?.close());

  test('tell of topics, with their ids where there are some, and fetch from them', async () => {
    const missing = freshTopic();
    const { topics, nodes } = await client.ask('any', 'control', metadataRequest([topic, missing]), 5000);
    expect(nodes.length).toBeGreaterThan(0);
    client.learn(nodes);
    const found = topics.find((one) => one.topic === topic);
    expect(found).toMatchObject({
      error: 0,
      internal: false,
      id: each.hasIds ? expect.stringMatching(/^[\w-]{22}$/) : undefined,
    });
    expect(found?.partitions.map(({ partition }) => partition).sort()).toEqual([0, 1]);
    expect(topics.find((one) => one.topic === missing)).toMatchObject({ error: 3 });
    const all = await client.ask('any', 'control', metadataRequest('all'), 5000);
    expect(all.topics.map((one) => one.topic)).toContain(topic);

    const { leader = -1 } = found?.partitions.find(({ partition }) => partition === 1) ?? {};
    const limits = { maxWaitMs: 0, maxBytes: 1_000_000, maxPartitionBytes: 1_000_000 };
    const places = [0, 1].map((partition) => ({ topic, id: found?.id, partition, from: 0 }));
    const fetched = await client.ask(leader, 'reads', fetchRequest(places, limits), 5000);
    expect(fetched.map(({ partition, error, records }) => [partition, error, records.map(textOf)]).sort()).toEqual([
      [0, 0, []],
      [1, 0, ['a', 'b']],
    ]);
  });
});
