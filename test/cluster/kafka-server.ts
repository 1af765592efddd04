import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { ensureJars, kafkaJars } from './jars.js';
import { runJava, startJvm } from './jvm.js';
import { type Server, startServer } from './server.js';

/** A single Kafka node (KRaft, broker and controller in one). */
export interface KafkaServer extends Server {
  readonly brokers: string[];
}

export interface KafkaServerOptions {
  /** Default 3.9.1. */
  readonly version?: string | undefined;
  /** Further lines for `server.properties`; they win. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** The address that clients are told, given the broker's own: that of a proxy in front of it, say. Asked once before the first start. */
  readonly advertise?: ((address: string) => Promise<string>) | undefined;
}

/** Starts a Kafka of its own for the caller, from Maven Central's jars. Ready when an idempotent produce succeeds. */
export async function startKafka(options: KafkaServerOptions = {}): Promise<KafkaServer> {
  const jars = await ensureJars(kafkaJars(options.version ?? '3.9.1'));
  const server = await startServer({
    name: 'kafka',
    ports: 2,
    prepare: async ([place]) => {
      if (place === undefined) throw new Error('there is no place for a broker');
      const advertised = (await options.advertise?.(place.address)) ?? place.address;
      const [broker, controller] = place.ports;
      await writeProperties(place.folder, {
        ...commonSettings(place.folder),
        'process.roles': 'broker,controller',
        'node.id': '1',
        'controller.quorum.voters': `1@127.0.0.1:${controller}`,
        'controller.listener.names': 'CONTROLLER',
        listeners: `PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}`,
        'advertised.listeners': `PLAINTEXT://${advertised}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
        ...options.properties,
      });
      await formatStorage(jars, place.folder);
    },
    launch: ({ folder }) => startJvm({ jars, main: kafkaMain, args: ['server.properties'], heap: '512m', folder }),
    ready: ({ address }) => readyToProduce([address], 1),
  });
  return { ...server, brokers: [server.address] };
}

/** The main class of a broker or controller. */
export const kafkaMain = 'kafka.Kafka';

export async function writeProperties(folder: string, properties: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder, 'server.properties'), lines.join(''));
}

/** Makes an empty data directory out of the folder's `server.properties`, with Kafka's own tool. */
export async function formatStorage(jars: string, folder: string): Promise<void> {
  const clusterId = randomBytes(16).toString('base64url');
  await runJava({
    jars,
    main: 'kafka.tools.StorageTool',
    // In one argument: an id may begin with a hyphen, and would be taken for an option.
    args: ['format', `--cluster-id=${clusterId}`, '--config=server.properties'],
    heap: '128m',
    folder,
  });
}

/** The settings that do not depend on the place of a server in its cluster. */
export function commonSettings(folder: string): Record<string, string> {
  return {
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // So that retention, compaction and deletion can be waited for in a test.
    'log.retention.check.interval.ms': '1000',
    'log.initial.task.delay.ms': '1000',
    'log.cleaner.backoff.ms': '500',
    'log.segment.delete.delay.ms': '1000',
    'log.index.size.max.bytes': '65536',
    'log.cleaner.dedupe.buffer.size': '8388608',
    // A broker that was killed may come back only when the controller has given it up (9 s by default).
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'controlled.shutdown.max.retries': '1',
  };
}

/**
 * Resolves when an idempotent produce to a topic with so many replicas succeeds: a broker on its very first boot answers
 * COORDINATOR_LOAD_IN_PROGRESS to idempotent producers for up to 15 s and more.
 */
export async function readyToProduce(brokers: string[], replicationFactor: number): Promise<void> {
  const kafka = new Kafka({
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 10_000,
    retry: { retries: 1, initialRetryTime: 100 },
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry: { retries: 1 } });
  const topic = '__ready';
  try {
    await admin.connect();
    if (!(await admin.listTopics()).includes(topic)) {
      await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor }], waitForLeaders: true });
    }
    await producer.connect();
    await producer.send({ topic, messages: [{ partition: 0, value: 'ready' }] });
  } finally {
    await Promise.allSettled([producer.disconnect(), admin.disconnect()]);
  }
}
