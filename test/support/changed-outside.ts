import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import type { Drivers } from '../../src/app/drivers.js';
import { systemClock } from '../../src/core/ports/clock.js';
import { openKafka } from '../../src/drivers/kafka/index.js';
import { createMemoryWorld, type Link, LinkFailure } from '../../src/drivers/memory/index.js';
import { openZookeeper } from '../../src/drivers/zookeeper/index.js';
import { useCluster } from '../cluster/use-cluster.js';
import { openProxy } from '../contract/zookeeper-proxy.js';
import { keepAll } from './log-helpers.js';
import { until } from './wait.js';

type OpenDrivers = Pick<Drivers, 'log' | 'coordination' | 'close'>;

/** A log whose topics are changed behind the bus's back, and the coordination of instances that use it. */
export interface OutsideStand extends AsyncDisposable {
  /** Drivers of one more instance. `cutOff`: from then on nothing comes through from or to coordination. */
  open(): Promise<OpenDrivers & { cutOff(): void }>;
  create(topic: string, partitions: number): Promise<void>;
  delete(topic: string): Promise<void>;
  addPartitions(topic: string, partitions: number): Promise<void>;
  configure(topic: string, settings: { readonly retentionMs: number; readonly maxEventBytes: number }): Promise<void>;
}

export interface OutsidePair {
  readonly name: string;
  /** Whether the log itself can have other settings than those it was given: one in memory has not. */
  start(): Promise<OutsideStand>;
}

/** The drivers in memory, and Kafka with ZooKeeper where they can be had. */
export async function outsidePairs(): Promise<OutsidePair[]> {
  const cluster = await useCluster();
  const memory = { name: 'memory', start: async () => inMemory() };
  if (cluster === undefined) return [memory];
  return [memory, { name: 'kafka and zookeeper', start: () => onCluster(cluster.brokers, cluster.servers[0] ?? '') }];
}

function inMemory(): OutsideStand {
  const clock = systemClock;
  const world = createMemoryWorld();
  const closers: (() => Promise<void>)[] = [];
  const link: Link = { call: async (act) => act(), notify: (deliver) => setImmediate(deliver) };
  return {
    async open() {
      let isCut = false;
      const cuttable: Link = {
        async call(act) {
          if (isCut) throw new LinkFailure(false);
          return act();
        },
        notify: (deliver) => setImmediate(() => isCut || deliver()),
      };
      const log = world.openLog({ link, clock });
      const coordination = world.openCoordination({ link: cuttable, clock });
      const close = async () => {
        await coordination.close();
        await log.close();
      };
      closers.push(close);
      return {
        log,
        coordination,
        close,
        cutOff: () => {
          isCut = true;
        },
      };
    },
    create: async (topic, partitions) => world.topics.create(topic, keepAll({ partitions })),
    delete: async (topic) => world.topics.delete(topic),
    addPartitions: async (topic, partitions) => world.topics.update(topic, { partitions }),
    configure: async (topic, settings) => world.topics.update(topic, settings),
    async [Symbol.asyncDispose]() {
      for (const close of closers) await close();
    },
  };
}

async function onCluster(brokers: string[], server: string): Promise<OutsideStand> {
  const chroot = `/outside-${randomUUID().slice(0, 8)}`;
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const closers: (() => Promise<void>)[] = [];
  const topics = new Set<string>();
  const exists = async (topic: string) => (await admin.listTopics()).includes(topic);
  return {
    async open() {
      const link = await openProxy(server);
      const log = await openKafka({ brokers, client: 'kafkajs' });
      const coordination = openZookeeper({ servers: link.address, chroot });
      await coordination.session();
      const close = async () => {
        await coordination.close();
        await log.close();
        await link.close();
      };
      closers.push(close);
      return { log, coordination, close, cutOff: link.freeze };
    },
    async create(topic, partitions) {
      topics.add(topic);
      await admin.createTopics({
        topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
        waitForLeaders: true,
      });
    },
    async delete(topic) {
      await admin.deleteTopics({ topics: [topic] });
      await until(async () => !(await exists(topic)), { what: `${topic} to be gone` });
    },
    async addPartitions(topic, count) {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    },
    async configure(topic, { retentionMs, maxEventBytes }) {
      const configEntries = [
        { name: 'retention.ms', value: `${retentionMs}` },
        { name: 'max.message.bytes', value: `${maxEventBytes + 200 * 1024}` },
      ];
      await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries }] });
    },
    async [Symbol.asyncDispose]() {
      for (const close of closers) await close();
      for (const topic of topics) await admin.deleteTopics({ topics: [topic] }).catch(() => undefined);
      await admin.disconnect();
    },
  };
}
