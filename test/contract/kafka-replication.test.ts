import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/ports/clock.js';
import { openKafka } from '../../src/drivers/kafka/index.js';
import { createMemoryWorld } from '../../src/drivers/memory/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { type KafkaCluster, startKafkaCluster } from '../cluster/kafka-cluster.js';
import { keepAll, record } from '../support/log-helpers.js';
import { openBusOn } from '../support/open-bus.js';
import { until } from '../support/wait.js';

const why = whyNoCluster('own', 'kafka');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);

describe.skipIf(why !== undefined)('replicas of new topics', { timeout: 240_000 }, () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafkaCluster();
  });
  afterAll(() => cluster?.dispose());

  test('a topic that is created while a broker is down is as strong as any other', async () => {
    const before = await openKafka({ brokers: cluster.brokers, client: 'kafkajs' });
    await before.createTopic('before', keepAll());
    expect(await before.describeTopic('before')).toMatchObject({ replicationFactor: 3, minInsyncReplicas: 2 });
    await before.close();

    await cluster.servers[2]?.kill();
    // It has never seen the third broker.
    const log = await openKafka({ brokers: cluster.brokers.slice(0, 2), client: 'kafkajs' });
    try {
      await until(
        async () => {
          await log.createTopic('meanwhile', keepAll());
          return true;
        },
        { what: 'the controller to notice', everyMs: 200 },
      );
      expect(await log.describeTopic('meanwhile')).toMatchObject({ replicationFactor: 3, minInsyncReplicas: 2 });
      await log.append('meanwhile', 0, [record('a')]);
    } finally {
      await log.close();
      await cluster.servers[2]?.start();
    }
  });

  test('one that is weaker than the default is warned of by the answer', async () => {
    const log = await openKafka({ brokers: cluster.brokers, client: 'kafkajs' });
    const world = createMemoryWorld();
    const link = {
      call: async <T>(act: () => T) => act(),
      notify: (deliver: () => void) => void setImmediate(deliver),
    };
    const coordination = world.openCoordination({ link, clock: systemClock });
    const close = async () => {
      await coordination.close();
      await log.close();
    };
    await using bus = await openBusOn({ log, coordination, close });
    const settings = { schemaless: true };
    const weak = await bus.topics.create({
      name: 'weak',
      settings: { ...settings, replicationFactor: 1 },
      adopt: false,
    });
    expect(weak.warnings).toEqual([expect.stringContaining('on one broker only')]);
    const strong = await bus.topics.create({ name: 'strong', settings, adopt: false });
    expect(strong.warnings).toEqual([]);
  });
});
