import { BusError } from '../../core/errors.js';
import type { LogTopic, LogTopicSettings } from '../../core/ports/event-log.js';
import { isPassing, refused, topicNotFound, unavailable } from './errors.js';
import type { KafkaClient } from './kafka-client.js';
import { LinkFailure } from './kafka-link.js';
import { type Leaders, retryForMs } from './leaders.js';
import { factsOf, type MetadataCache, requestTimeoutMs } from './metadata-cache.js';
import { backoff, pause } from './pause.js';
import {
  type AdminOutcome,
  alterTopicRequest,
  createPartitionsRequest,
  createTopicRequest,
  deleteTopicRequest,
  describeTopicRequest,
} from './protocol/admin.js';
import { codes } from './protocol/codes.js';
import { metadataRequest, type TopicMetadata } from './protocol/metadata.js';
import type { KafkaRequest } from './protocol/requests.js';
import { checkReplicas, configsOf, topicConfigNames, topicOf } from './topic-configs.js';

/** How long a change may take until every broker knows of it. */
const settleForMs = 10_000;
const changeTimeoutMs = 4000;

/** The topics of a Kafka cluster, as `EventLog` has them. */
export interface KafkaTopics {
  create(topic: string, settings: LogTopicSettings): Promise<void>;
  update(topic: string, settings: Partial<LogTopicSettings>): Promise<void>;
  delete(topic: string, check?: () => void): Promise<void>;
  describe(topic: string): Promise<LogTopic | undefined>;
  list(): Promise<string[]>;
}

export function createKafkaTopics(
  client: KafkaClient,
  metadata: MetadataCache,
  leaders: Leaders,
  closing: AbortSignal,
): KafkaTopics {
  // Asks the controller. What was sent and not answered is repeated only where that does no harm (`repeatable`).
  async function change<T extends AdminOutcome>(
    what: string,
    topic: string,
    request: KafkaRequest<T>,
    repeatable: boolean,
    check?: () => void,
  ): Promise<{ readonly answer: T; readonly repeated: boolean }> {
    const deadline = performance.now() + retryForMs;
    let repeated = false;
    for (let attempt = 0; ; attempt++) {
      let trouble: unknown;
      try {
        const { controller } = await metadata.ask([]);
        check?.();
        const answer = await client.ask(controller < 0 ? 'any' : controller, 'control', request, requestTimeoutMs);
        const { error } = answer;
        if (error === codes.UNKNOWN_TOPIC_OR_PARTITION || !isPassing(error)) return { answer, repeated };
        trouble = refused(error, what, topic, answer.message);
      } catch (error) {
        // From `check`: the client throws nothing of that kind.
        if (error instanceof BusError) throw error;
        trouble = error;
        if (error instanceof LinkFailure && error.sent) {
          repeated = true;
          if (!repeatable) throw unavailable(what, error);
        }
      }
      if (performance.now() >= deadline) throw unavailable(what, trouble);
      await pause(backoff(attempt, 1000), closing);
    }
  }

  // Until each broker that answers sees the topic as it should be: a caller may ask any of them next.
  async function settled(
    what: string,
    topic: string,
    isSo: (seen: TopicMetadata | undefined) => boolean,
  ): Promise<void> {
    const deadline = performance.now() + settleForMs;
    for (let attempt = 0; ; attempt++) {
      const asked = client.nodes().map(async ({ id }) => {
        const answer = await client.ask(id, 'metadata', metadataRequest([topic]), requestTimeoutMs);
        const found = answer.topics.find((one) => one.topic === topic);
        return isSo(found?.error === codes.UNKNOWN_TOPIC_OR_PARTITION ? undefined : found);
      });
      const seen = await Promise.allSettled(asked);
      const answers = seen.filter((one) => one.status === 'fulfilled');
      if (answers.length > 0 && answers.every((one) => one.value)) return;
      if (performance.now() >= deadline)
        throw unavailable(what, new Error(`not all brokers know of it after ${settleForMs} ms`));
      await pause(backoff(attempt, 200), closing);
    }
  }

  const hasLeaders = (partitions: number) => (seen: TopicMetadata | undefined) =>
    seen?.error === codes.NONE &&
    seen.partitions.length >= partitions &&
    seen.partitions.every((partition) => partition.leader >= 0);

  async function describe(topic: string): Promise<LogTopic | undefined> {
    const found = await leaders.topic(topic);
    if (found === undefined) return undefined;
    const what = `describe the topic ${topic}`;
    const { answer } = await change(what, topic, describeTopicRequest(topic, topicConfigNames), true);
    if (answer.error === codes.UNKNOWN_TOPIC_OR_PARTITION) return undefined;
    if (answer.error !== codes.NONE) throw refused(answer.error, what, topic, answer.message);
    return topicOf(answer.configs, factsOf(found), found.partitions[0]?.replicas.length ?? 1);
  }

  async function create(topic: string, settings: LogTopicSettings): Promise<void> {
    const what = `create the topic ${topic}`;
    const { up, all } = await countBrokers(what);
    const wanted = settings.replicationFactor ?? usualReplicas(all);
    let error = await createWith(topic, settings, wanted, what);
    // Brokers that are gone for good are remembered, too: then there are as many replicas as can be had, and whoever creates the topic is warned.
    if (error?.code === codes.INVALID_REPLICATION_FACTOR && settings.replicationFactor === undefined) {
      if (usualReplicas(up) < wanted) error = await createWith(topic, settings, usualReplicas(up), what);
    }
    if (error !== undefined) throw refused(error.code, what, topic, error.message);
    leaders.forget(topic);
    await settled(what, topic, hasLeaders(settings.partitions));
  }

  /** A broker that is down counts: a topic that is created meanwhile should not be weaker for good. The replicas of all topics name the brokers. */
  async function countBrokers(what: string): Promise<{ readonly up: number; readonly all: number }> {
    try {
      const { nodes } = await metadata.ask('all');
      return { up: nodes.length, all: metadata.brokersSeen.size };
    } catch (error) {
      throw unavailable(what, error);
    }
  }

  /** Resolves with the broker's refusal, if there is one. */
  async function createWith(
    topic: string,
    settings: LogTopicSettings,
    replicationFactor: number,
    what: string,
  ): Promise<{ readonly code: number; readonly message: string | null } | undefined> {
    const minInsyncReplicas = settings.minInsyncReplicas ?? Math.max(1, replicationFactor - 1);
    checkReplicas(topic, replicationFactor, minInsyncReplicas);
    const configs = {
      ...configsOf({ ...settings, minInsyncReplicas }),
      'message.timestamp.type': 'LogAppendTime',
      'cleanup.policy': 'delete',
    };
    const request = createTopicRequest(topic, settings.partitions, replicationFactor, configs, changeTimeoutMs);
    const { answer } = await change(what, topic, request, false);
    return answer.error === codes.NONE ? undefined : { code: answer.error, message: answer.message };
  }

  async function addPartitions(topic: string, partitions: number): Promise<void> {
    const what = `add partitions to the topic ${topic}`;
    const { answer } = await change(what, topic, createPartitionsRequest(topic, partitions, changeTimeoutMs), true);
    // A repeated request, or another instance's, may have been first.
    if (answer.error === codes.INVALID_PARTITIONS && (await describe(topic))?.partitions === partitions) return;
    if (answer.error !== codes.NONE) throw refused(answer.error, what, topic, answer.message);
    await settled(what, topic, hasLeaders(partitions));
    leaders.forget(topic);
  }

  async function update(topic: string, settings: Partial<LogTopicSettings>): Promise<void> {
    const now = await describe(topic);
    if (now === undefined) throw topicNotFound(topic);
    const { partitions, replicationFactor, minInsyncReplicas } = settings;
    const refuse = (message: string) => new BusError('TOPIC_SETTINGS_INVALID', message, { metadata: { topic } });
    if (partitions !== undefined && partitions < now.partitions) {
      throw refuse(`topic ${topic} has ${now.partitions} partitions, which can grow but not become ${partitions}`);
    }
    if (replicationFactor !== undefined && replicationFactor !== now.replicationFactor) {
      throw refuse(`the replication factor of topic ${topic} is ${now.replicationFactor} and fixed at its creation`);
    }
    if (minInsyncReplicas !== undefined) checkReplicas(topic, now.replicationFactor, minInsyncReplicas);
    const configs = configsOf(settings);
    if (Object.keys(configs).length > 0) {
      const what = `change the settings of topic ${topic}`;
      const { answer } = await change(what, topic, alterTopicRequest(topic, configs), true);
      if (answer.error !== codes.NONE) throw refused(answer.error, what, topic, answer.message);
    }
    if (partitions !== undefined && partitions > now.partitions) await addPartitions(topic, partitions);
  }

  async function remove(topic: string, check?: () => void): Promise<void> {
    const what = `delete the topic ${topic}`;
    const { answer, repeated } = await change(what, topic, deleteTopicRequest(topic, changeTimeoutMs), true, check);
    leaders.forget(topic);
    // If the first request was not answered, it has done it.
    const done = answer.error === codes.NONE || (repeated && answer.error === codes.UNKNOWN_TOPIC_OR_PARTITION);
    if (!done) throw refused(answer.error, what, topic, answer.message);
    await settled(what, topic, (seen) => seen === undefined);
    leaders.forget(topic);
  }

  async function list(): Promise<string[]> {
    const answer = await metadata.ask('all').catch((error: unknown) => {
      throw unavailable('list the topics', error);
    });
    return answer.topics.filter((one) => !one.internal && !one.topic.startsWith('__')).map((one) => one.topic);
  }

  return { create, update, delete: remove, describe, list };
}

function usualReplicas(brokers: number): number {
  return Math.max(1, Math.min(3, brokers));
}
