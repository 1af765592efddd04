import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { createMainstemClient } from '../../src/client/index.js';
import { startCluster } from '../cluster/cluster.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { until } from '../support/wait.js';
import { type Bus, startBus } from './bus.js';
import { ensembleStand } from './ensemble-stand.js';
import { noSchemas, type Pair, type Stand } from './stand-parts.js';
import { type Link, startToxiproxy } from './toxiproxy.js';

/** Starts everything: about 15 s for the cluster. The buses take their default client for Kafka, unless another is named. */
export async function startStand(pair: Pair, now: () => number, kafkaClient?: string): Promise<Stand> {
  if (pair === 'ensemble') return ensembleStand(now, kafkaClient);
  return pair === 'embedded' ? embeddedStand(now) : clusterStand(now, kafkaClient);
}

async function embeddedStand(now: () => number): Promise<Stand> {
  const directory = await temporaryDirectory();
  const bus = await startBus(
    'a',
    ['--log', `embedded:${join(directory.path, 'data')}`, '--schemas', await noSchemas(directory.path)],
    now,
  );
  const client = createMainstemClient({ address: bus.address });
  return {
    pair: 'embedded',
    buses: [bus],
    now,
    needCluster: () => {
      throw new Error('there is no cluster here');
    },
    needEnsemble: noEnsemble,
    client: () => client,
    async removeOldEvents(topic) {
      // Looked at every 30 s by the bus itself.
      await client.topics.apply({ topic, settings: { retentionBytes: 4_096n } });
      const removed = async () =>
        (await client.topics.get(topic)).partitions.some(({ earliestOffset = 0n }) => earliestOffset > 0n);
      await until(removed, { what: 'retention', timeoutMs: 90_000, everyMs: 200 });
    },
    async stop() {
      client.close();
      await bus.kill();
      await directory.remove();
    },
  };
}

async function clusterStand(now: () => number, kafkaClient: string | undefined): Promise<Stand> {
  const directory = await temporaryDirectory();
  const toxiproxy = await startToxiproxy();
  const kafkaLinks: Link[] = [];
  const advertise = async (address: string) => {
    const link = await toxiproxy.proxy(`kafka-${kafkaLinks.length}`, address);
    kafkaLinks.splice(0, kafkaLinks.length, link);
    return link.address;
  };
  const cluster = await startCluster({ advertise });
  const [kafka] = kafkaLinks;
  if (!kafka) throw new Error('the broker is not behind a proxy');
  const links: { kafka: Link[]; zookeeper: Link[] } = { kafka: [kafka], zookeeper: [] };
  const schemas = await noSchemas(directory.path);
  const log = ['--log', `kafka://${kafka.address}`];
  if (kafkaClient !== undefined) log.push('--kafka-client', kafkaClient);
  const buses: Bus[] = [];
  for (const name of ['a', 'b']) {
    const link = await toxiproxy.proxy(`zookeeper-${name}`, cluster.zookeeper.address);
    links.zookeeper.push(link);
    const coordination = `zookeeper://${link.address}/faults`;
    buses.push(await startBus(name, [...log, '--coordination', coordination, '--schemas', schemas], now));
  }
  const client = createMainstemClient({ address: buses[0]?.address ?? '' });
  return {
    pair: 'cluster',
    buses,
    now,
    needCluster: () => ({ ...cluster, links }),
    needEnsemble: noEnsemble,
    client: () => client,
    async removeOldEvents(topic) {
      const admin = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      try {
        const ends = await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({
          topic,
          partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
        });
      } finally {
        await admin.disconnect();
      }
    },
    async stop() {
      client.close();
      await Promise.all(buses.map((bus) => bus.kill()));
      await cluster.stop();
      await toxiproxy.stop();
      await directory.remove();
    },
  };
}

function noEnsemble(): never {
  throw new Error('there is one server of each kind here, or none');
}
