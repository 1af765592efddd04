import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/wait.js';
import { whyNoCluster } from './cluster.js';
import { type KafkaCluster, startKafkaCluster } from './kafka-cluster.js';
import { startZooKeeperEnsemble, type ZooKeeperEnsemble } from './zookeeper-ensemble.js';
import { askZooKeeper } from './zookeeper-server.js';

const why = whyNoCluster('own', 'kafka') ?? whyNoCluster('own', 'zookeeper');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);

describe.skipIf(why !== undefined)('three brokers', { timeout: 300_000 }, () => {
  let kafka: KafkaCluster;
  beforeAll(async () => {
    kafka = await startKafkaCluster();
  });
  afterAll(() => kafka?.dispose());

  test('survive a kill and a freeze of any of them, and carry out what an operator asks', async () => {
    const topic = 'moved';
    const admin = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    await admin.disconnect();
    const { replicas } = await kafka.describe(topic, 0);
    expect(replicas).toHaveLength(3);

    // Each broker learns of a new leader in its own time.
    const untilLed = (id: number) =>
      until(async () => (await kafka.leaderOf(topic, 0)).id === id, { what: `broker ${id} to lead` });
    const first = await kafka.leaderOf(topic, 0);
    expect(first.id).toBe(replicas[0]);
    await first.kill();
    const second = await until(
      async () => {
        const leader = await kafka.leaderOf(topic, 0);
        return leader.id !== first.id && leader;
      },
      { what: 'another leader after a kill' },
    );
    await first.start();
    await kafka.untilInSync(topic);
    await untilLed(second.id);
    await kafka.electPreferred();
    await untilLed(first.id);

    await first.pause();
    const leaderSoon = () =>
      Promise.race([
        kafka.leaderOf(topic, 0),
        sleep(8_000).then(() => Promise.reject(new Error('a broker that is frozen was asked'))),
      ]);
    await until(async () => (await leaderSoon()).id !== first.id, {
      what: 'another leader after a freeze',
      // A look that asks the frozen broker first takes as long as that request may.
      timeoutMs: 120_000,
    });
    first.resume();
    await kafka.untilInSync(topic);

    const added = await kafka.addBroker();
    expect(added.id).toBe(4);
    await kafka.reassign(topic, new Map([[0, [added.id, second.id]]]));
    await until(async () => `${(await kafka.describe(topic, 0)).replicas}` === `${added.id},${second.id}`, {
      what: 'the new replicas',
    });
    await kafka.electPreferred();
    await untilLed(added.id);
    await added.restart();
    await kafka.untilInSync(topic);
  });
});

describe.skipIf(why !== undefined)('three ZooKeepers', { timeout: 180_000 }, () => {
  let zookeeper: ZooKeeperEnsemble;
  beforeAll(async () => {
    zookeeper = await startZooKeeperEnsemble();
  });
  afterAll(() => zookeeper?.dispose());

  test('choose another leader when theirs is killed, or frozen, and none without a majority', async () => {
    const first = await zookeeper.leader();
    expect(await zookeeper.followers()).toHaveLength(2);
    await first.kill();
    const second = await zookeeper.leader();
    expect(second.address).not.toBe(first.address);
    await first.start();
    await second.pause();
    const third = await zookeeper.leader();
    expect(third.address).not.toBe(second.address);
    second.resume();
    await until(async () => (await zookeeper.followers()).length === 2, { what: 'two followers again' });

    const [one, other] = await zookeeper.followers();
    await Promise.all([one?.kill(), other?.kill()]);
    await until(async () => !(await askZooKeeper(third.address, 'srvr')).includes('Mode:'), {
      what: 'the last one to stop serving',
    });
    await Promise.all([one?.start(), other?.start()]);
    await zookeeper.leader();
  });
});
