import { BusError } from '../../core/errors.js';
import { codeName, codes } from './protocol/codes.js';

const passing = new Set<number>([
  codes.LEADER_NOT_AVAILABLE,
  codes.NOT_LEADER_OR_FOLLOWER,
  codes.BROKER_NOT_AVAILABLE,
  codes.REPLICA_NOT_AVAILABLE,
  codes.UNKNOWN_TOPIC_OR_PARTITION,
  codes.NOT_ENOUGH_REPLICAS,
  codes.KAFKA_STORAGE_ERROR,
  codes.FENCED_LEADER_EPOCH,
  codes.UNKNOWN_LEADER_EPOCH,
  codes.OFFSET_NOT_AVAILABLE,
  codes.NOT_CONTROLLER,
  codes.NETWORK_EXCEPTION,
  codes.UNKNOWN_TOPIC_ID,
  codes.INCONSISTENT_TOPIC_ID,
]);

/** Whether asking again, after new metadata, may help: leaders move, replicas come back. */
export function isPassing(code: number): boolean {
  return passing.has(code);
}

export function topicNotFound(topic: string, partition?: number): BusError {
  const what = partition === undefined ? `topic ${topic}` : `topic ${topic} with a partition ${partition}`;
  return new BusError('TOPIC_NOT_FOUND', `there is no ${what} in Kafka`, { metadata: { topic } });
}

export function unavailable(what: string, cause: unknown): BusError {
  return new BusError('LOG_UNAVAILABLE', `Kafka could not ${what}: ${messageOf(cause)}`, { cause });
}

export function outcomeUnknown(cause: unknown): BusError {
  return new BusError(
    'STORE_OUTCOME_UNKNOWN',
    `Kafka did not confirm an append, whose records may be stored or not: ${messageOf(cause)}`,
    { cause },
  );
}

/** The permissions that publishing needs, for an answer CLUSTER_AUTHORIZATION_FAILED. */
export const publishingNeeds =
  'publishing needs the permission Write on the topics, and with brokers before Kafka 2.8 IdempotentWrite on the cluster';

/** An error that a broker answered, which is final. */
export function refused(code: number, what: string, topic: string, message?: string | null): BusError {
  const said = message ? `${codeName(code)} (${message})` : codeName(code);
  const text = `Kafka refused to ${what}: ${said}`;
  const options = { metadata: { topic, kafka_error: codeName(code) } };
  switch (code) {
    case codes.UNKNOWN_TOPIC_OR_PARTITION:
      return topicNotFound(topic);
    case codes.TOPIC_ALREADY_EXISTS:
      return new BusError('TOPIC_ALREADY_EXISTS', `there is a topic ${topic} in Kafka already`, options);
    case codes.MESSAGE_TOO_LARGE:
    case codes.RECORD_LIST_TOO_LARGE:
      return new BusError('EVENT_TOO_LARGE', text, options);
    case codes.INVALID_RECORD:
      return new BusError('KEY_REQUIRED', `${text}: a compacted topic takes only events with a key`, options);
    case codes.INVALID_TOPIC_EXCEPTION:
    case codes.INVALID_PARTITIONS:
    case codes.INVALID_REPLICATION_FACTOR:
    case codes.INVALID_CONFIG:
    case codes.INVALID_REQUEST:
    case codes.POLICY_VIOLATION:
      return new BusError('TOPIC_SETTINGS_INVALID', text, options);
    case codes.UNSUPPORTED_FOR_MESSAGE_FORMAT:
      return new BusError(
        'TOPIC_SETTINGS_INVALID',
        `${text}: the topic keeps records in a format older than Kafka 0.11; raise its message.format.version`,
        options,
      );
    case codes.REQUEST_TIMED_OUT:
    case codes.THROTTLING_QUOTA_EXCEEDED:
    case codes.TOPIC_AUTHORIZATION_FAILED:
    case codes.CLUSTER_AUTHORIZATION_FAILED:
      return new BusError('LOG_UNAVAILABLE', text, options);
    default:
      if (isPassing(code)) return new BusError('LOG_UNAVAILABLE', text, options);
      return new BusError('INTERNAL', text, options);
  }
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
