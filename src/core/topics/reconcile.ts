import type { LogTopic, LogTopicFacts } from '../ports/event-log.js';
import type { SettledTopic } from './record.js';
import { clampEventBytes } from './settings.js';
import type { TopicSettings } from './topic.js';

/** A topic was changed in the log, outside the bus, and its record follows. */
export interface OutsideChange {
  readonly topic: string;
  /** Each in words. */
  readonly changes: readonly string[];
  /** What follows from it for those who publish and read. */
  readonly warnings: readonly string[];
}

/** The same in words. */
export function outsideChangeText({ topic, changes, warnings }: OutsideChange): string {
  return `topic ${topic} was changed outside the bus: ${[changes.join(', '), ...warnings].join('; ')}`;
}

export interface Reconciled extends Omit<OutsideChange, 'topic'> {
  readonly record: SettledTopic;
}

/** How many ids of earlier lives are remembered: a broker lags by seconds. */
const mostEarlier = 10;

/** Whether the log's topic is another life than the record's: it was deleted and created anew outside the bus. */
function isOtherLife({ logId, earlierLogIds = [] }: SettledTopic, { id }: LogTopicFacts): boolean {
  return id !== undefined && logId !== undefined && id !== logId && !earlierLogIds.includes(id);
}

/** Whether what the log has told may make the record change. */
export function needsLook(record: SettledTopic, facts: LogTopicFacts): boolean {
  if (isLagging(record, facts)) return false;
  return facts.id !== record.logId || facts.partitions > record.settings.partitions;
}

/** A record as memory has it: with the partitions that were added in the log, which is right about their number. */
export function withPartitionsOf(record: SettledTopic, facts: LogTopicFacts | undefined): SettledTopic {
  const { settings } = record;
  if (facts === undefined || facts.partitions <= settings.partitions) return record;
  if (isLagging(record, facts) || isOtherLife(record, facts)) return record;
  return { ...record, settings: { ...settings, partitions: facts.partitions } };
}

/**
 * The record after what the log has; undefined where it is right already. Another life gets another incarnation. Settings that only the bus knows
 * stay, and so do schemas; of the others the log is right.
 */
export function reconcile(record: SettledTopic, topic: LogTopic, newIncarnation: () => string): Reconciled | undefined {
  if (isLagging(record, topic)) return undefined;
  const isOther = isOtherLife(record, topic);
  const settings = settingsAfter(record, topic, isOther);
  const changes = isOther ? ['it was deleted and created anew'] : [];
  for (const field of inLog) {
    if (settings[field] !== record.settings[field])
      changes.push(`${field}: ${record.settings[field]} → ${settings[field]}`);
  }
  const { maxBatchBytes, publisherTime, compacted } = topic;
  const before = { compacted: false, ...record.log };
  if (compacted !== before.compacted) changes.push(`cleanup.policy: ${compacted ? 'compact' : 'delete'}`);
  const log = { maxBatchBytes, publisherTime, ...(compacted && { compacted }) };
  const isLogSame = maxBatchBytes === before.maxBatchBytes && publisherTime === before.publisherTime;
  if (changes.length === 0 && isLogSame && (topic.id ?? record.logId) === record.logId) return undefined;
  const warnings = warningsOf(
    isOther,
    settings.partitions > record.settings.partitions,
    compacted && !before.compacted,
  );
  return { record: { ...record, ...lifeOf(record, topic, isOther, newIncarnation), settings, log }, changes, warnings };
}

/** What the log decides, and may be changed there. */
const inLog = [
  'partitions',
  'replicationFactor',
  'minInsyncReplicas',
  'retentionMs',
  'retentionBytes',
  'maxEventBytes',
] as const satisfies readonly (keyof TopicSettings)[];

function settingsAfter(record: SettledTopic, topic: LogTopic, isOther: boolean): TopicSettings {
  const { settings } = record;
  const { replicationFactor, minInsyncReplicas, retentionMs, retentionBytes } = topic;
  // The largest event is the bus's own limit, until somebody has changed what the log takes.
  const isResized = topic.maxBatchBytes !== record.log.maxBatchBytes;
  return {
    ...settings,
    // Fewer than before is a broker that lags, unless it is another topic.
    partitions: isOther ? topic.partitions : Math.max(settings.partitions, topic.partitions),
    replicationFactor,
    minInsyncReplicas,
    retentionMs,
    retentionBytes,
    maxEventBytes: isResized ? clampEventBytes(topic.maxEventBytes) : settings.maxEventBytes,
  };
}

type Life = Pick<SettledTopic, 'incarnation' | 'logId' | 'earlierLogIds'>;

function lifeOf(record: SettledTopic, { id }: LogTopic, isOther: boolean, newIncarnation: () => string): Life {
  const { incarnation, logId = id, earlierLogIds = [] } = record;
  if (!isOther) return { incarnation, logId, ...(earlierLogIds.length > 0 && { earlierLogIds }) };
  const earlier = logId === undefined ? earlierLogIds : [...earlierLogIds, logId];
  return { incarnation: newIncarnation(), logId: id, earlierLogIds: earlier.slice(-mostEarlier) };
}

/** A broker tells of a life that is known to be over. */
function isLagging({ earlierLogIds = [] }: SettledTopic, { id }: LogTopicFacts): boolean {
  return id !== undefined && earlierLogIds.includes(id);
}

function warningsOf(isOther: boolean, hasGrown: boolean, isCompactedNow: boolean): string[] {
  const warnings: string[] = [];
  if (isOther) {
    warnings.push(
      'cursors of the earlier topic are refused from now on, and subscribers start at the new beginning; its settings and schemas stay',
    );
  } else if (hasGrown) {
    warnings.push(
      'partitions were added: from now on keys may go to other partitions, so order per key holds only within the old or the new events, and an event that is sent again may not be recognised',
    );
  }
  if (isCompactedNow) {
    warnings.push(
      'the log is compacted now: of each key only the latest event is kept, and events without a key are refused',
    );
  }
  return warnings;
}
