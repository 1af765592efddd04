import { type Admin, Kafka, logLevel, type PartitionMetadata } from 'kafkajs';
import { until } from '../support/wait.js';
import { kafkaTool } from './kafka-tool.js';

/** What an operator does to a cluster, through Kafka's own tool and admin requests. */
export interface KafkaAdmin {
  /** The leader (a node id, -1: none), the replicas and those in sync, as the brokers tell. */
  describe(topic: string, partition: number): Promise<PartitionMetadata>;
  /** Resolves when every replica of the topic is in sync. */
  untilInSync(topic: string): Promise<void>;
  /** Makes the first replica of each partition its leader again, of all topics. */
  electPreferred(): Promise<void>;
  /** Moves partitions to other brokers, given by node id; the first is the preferred leader. Resolves when all data was moved. */
  reassign(topic: string, replicas: ReadonlyMap<number, readonly number[]>): Promise<void>;
}

const withinMs = 90_000;

/** `brokers`: those that may be asked now. One that does not answer is passed over. */
export function openKafkaAdmin(brokers: () => string[]): KafkaAdmin {
  async function ask<T>(call: (admin: Admin) => Promise<T>): Promise<T> {
    const kafka = new Kafka({
      brokers: brokers(),
      logLevel: logLevel.NOTHING,
      connectionTimeout: 1000,
      requestTimeout: 3000,
      retry: { retries: 3, initialRetryTime: 50, maxRetryTime: 300 },
    });
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await call(admin);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  const patiently = <T>(what: string, call: (admin: Admin) => Promise<T>) =>
    until(async () => ({ answer: await ask(call) }), { what, timeoutMs: withinMs, everyMs: 100 }).then(
      ({ answer }) => answer,
    );

  const partitionsOf = async (admin: Admin, topic: string) =>
    (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions ?? [];

  return {
    describe: (topic, partition) =>
      patiently(`the brokers to describe ${topic}`, async (admin) => {
        const found = (await partitionsOf(admin, topic)).find(({ partitionId }) => partitionId === partition);
        if (found === undefined) throw new Error(`${topic} has no partition ${partition}`);
        return found;
      }),
    async untilInSync(topic) {
      const whole = () =>
        ask(async (admin) =>
          (await partitionsOf(admin, topic)).every(({ isr, replicas }) => isr.length === replicas.length),
        );
      await until(whole, { what: `all replicas of ${topic} to be in sync`, timeoutMs: withinMs, everyMs: 200 });
    },
    async electPreferred() {
      await kafkaTool('org.apache.kafka.tools.LeaderElectionCommand', [
        '--bootstrap-server',
        brokers().join(','),
        '--election-type',
        'preferred',
        '--all-topic-partitions',
      ]);
    },
    async reassign(topic, replicas) {
      const partitionAssignment = [...replicas].map(([partition, ids]) => ({ partition, replicas: [...ids] }));
      await patiently(`${topic} to be reassigned`, (admin) =>
        admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] }),
      );
      const partitions = [...replicas.keys()];
      const done = () =>
        ask(async (admin) => {
          const { topics } = await admin.listPartitionReassignments({ topics: [{ topic, partitions }] });
          return topics.length === 0;
        });
      await until(done, { what: `the reassignment of ${topic} to end`, timeoutMs: withinMs, everyMs: 100 });
    },
  };
}
