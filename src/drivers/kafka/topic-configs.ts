import { BusError } from '../../core/errors.js';
import type { LogTopic, LogTopicFacts, LogTopicSettings } from '../../core/ports/event-log.js';

/** Room for key and headers beside the largest payload. */
const metadataBytes = 192 * 1024;
/** Room for what a batch and its records take in Kafka's format beyond `recordBytes`. */
const formatBytes = 8 * 1024;
/** Batches may be this large whatever the largest event. */
const batchBytes = 1024 * 1024;

export const topicConfigNames = [
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'min.insync.replicas',
  'message.timestamp.type',
  'cleanup.policy',
] as const;

/** Kafka's configs for these settings; only of those that are given. */
export function configsOf(settings: Partial<LogTopicSettings>): Record<string, string> {
  const configs: Record<string, string> = {};
  const { retentionMs, retentionBytes, maxEventBytes, minInsyncReplicas } = settings;
  if (retentionMs !== undefined) configs['retention.ms'] = String(retentionMs === 0 ? -1 : Math.ceil(retentionMs));
  if (retentionBytes !== undefined) configs['retention.bytes'] = String(retentionBytes === 0 ? -1 : retentionBytes);
  if (minInsyncReplicas !== undefined) configs['min.insync.replicas'] = String(minInsyncReplicas);
  if (maxEventBytes !== undefined) {
    configs['max.message.bytes'] = String(Math.max(maxEventBytes, batchBytes) + metadataBytes + formatBytes);
  }
  return configs;
}

/** The settings that a topic's configs amount to. */
export function topicOf(
  configs: ReadonlyMap<string, string>,
  facts: LogTopicFacts,
  replicationFactor: number,
): LogTopic {
  const number = (name: (typeof topicConfigNames)[number], otherwise: number) => Number(configs.get(name) ?? otherwise);
  const forever = (value: number) => (value < 0 ? 0 : Math.max(1, value));
  const maxBatchBytes = Math.max(1, number('max.message.bytes', batchBytes) - formatBytes);
  return {
    ...facts,
    replicationFactor,
    minInsyncReplicas: number('min.insync.replicas', 1),
    // Retention by size 0 would mean that nothing is kept; we have no other word for it than the smallest.
    retentionMs: forever(number('retention.ms', -1)),
    retentionBytes: forever(number('retention.bytes', -1)),
    maxEventBytes: Math.max(1, maxBatchBytes - metadataBytes),
    maxBatchBytes,
    compacted: (configs.get('cleanup.policy') ?? '').split(',').includes('compact'),
    publisherTime: configs.get('message.timestamp.type') !== 'LogAppendTime',
  };
}

/** Kafka accepts this, and then refuses every append. */
export function checkReplicas(topic: string, replicationFactor: number, minInsyncReplicas: number): void {
  if (minInsyncReplicas >= 1 && minInsyncReplicas <= replicationFactor) return;
  throw new BusError(
    'TOPIC_SETTINGS_INVALID',
    `min.insync.replicas of topic ${topic} must be between 1 and its replication factor ${replicationFactor}, not ${minInsyncReplicas}`,
    { metadata: { topic } },
  );
}
