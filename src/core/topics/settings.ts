import { compatibilityLevels, readings } from '../compatibility/policy.js';
import { BusError } from '../errors.js';
import type { LogTopic, LogTopicSettings } from '../ports/event-log.js';
import type { SettingsInput, TopicSettings } from './topic.js';

const day = 24 * 60 * 60 * 1000;
const KiB = 1024;
const MiB = 1024 * KiB;

/** Settings before the log has decided what depends on the number of brokers. */
export type WantedSettings = Omit<TopicSettings, 'replicationFactor' | 'minInsyncReplicas'> & {
  readonly replicationFactor: number | undefined;
  readonly minInsyncReplicas: number | undefined;
};

/**
 * How new schema versions are judged where nothing else is said: consumers may move first, and adding an optional property is compatible, as
 * users expect. A quarter of the real steps hold only under this reading, which evidence from retained events can back.
 */
export const defaultPolicy: Pick<TopicSettings, 'compatibility' | 'reading'> = {
  compatibility: 'BACKWARD',
  reading: 'declared',
};

export const defaultKeys: Pick<TopicSettings, 'keyRequired'> = { keyRequired: false };

/** How far back a publisher's retry is recognised where nothing else is said: longer than clients go on trying. */
export const defaultDedupe: Pick<TopicSettings, 'dedupeWindowMs' | 'dedupeEntries'> = {
  dedupeWindowMs: 10 * 60 * 1000,
  dedupeEntries: 1_000_000,
};

export const defaultSettings: WantedSettings = {
  partitions: 1,
  replicationFactor: undefined,
  minInsyncReplicas: undefined,
  retentionMs: 7 * day,
  retentionBytes: 0,
  maxEventBytes: MiB,
  keyPointer: undefined,
  schemaless: false,
  ...defaultKeys,
  ...defaultPolicy,
  ...defaultDedupe,
};

/** The allowed whole numbers, both ends included. */
const ranges = {
  partitions: { from: 1, to: 1_000, unit: '' },
  replicationFactor: { from: 1, to: 100, unit: '' },
  minInsyncReplicas: { from: 1, to: 100, unit: '' },
  retentionMs: { from: 0, to: 36_500 * day, unit: ' milliseconds (0: for ever)' },
  retentionBytes: { from: 0, to: Number.MAX_SAFE_INTEGER, unit: ' bytes (0: no limit by size)' },
  maxEventBytes: { from: KiB, to: 8 * MiB, unit: ' bytes' },
  dedupeWindowMs: { from: 0, to: 7 * day, unit: ' milliseconds (0: off)' },
  dedupeEntries: { from: 1_000, to: 100_000_000, unit: ' events' },
} as const;

const longestPointer = 1_000;

/** TOPIC_SETTINGS_INVALID: which setting, and why. */
export function invalidSetting(field: keyof TopicSettings | 'schema', why: string): BusError {
  return new BusError('TOPIC_SETTINGS_INVALID', `${field}: ${why}`, { metadata: { field } });
}

/** The settings of a topic that has these now, or is new, after a caller's wishes. An empty key pointer removes it. */
export function mergeSettings<T extends WantedSettings>(now: T, input: SettingsInput): T {
  checkSettings(input);
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  const merged: T = { ...now, ...given };
  const settings: T = merged.keyPointer === '' ? { ...merged, keyPointer: undefined } : merged;
  const { replicationFactor, minInsyncReplicas } = settings;
  if (replicationFactor !== undefined && minInsyncReplicas !== undefined && minInsyncReplicas > replicationFactor) {
    throw invalidSetting(
      'minInsyncReplicas',
      `${minInsyncReplicas} is more than the replication factor, ${replicationFactor}`,
    );
  }
  return settings;
}

/** Checks every setting that is given against its range. */
export function checkSettings(input: SettingsInput): void {
  for (const field of [
    'partitions',
    'replicationFactor',
    'minInsyncReplicas',
    'retentionMs',
    'retentionBytes',
    'maxEventBytes',
    'dedupeWindowMs',
    'dedupeEntries',
  ] as const) {
    const value = input[field];
    const { from, to, unit } = ranges[field];
    if (value === undefined || (Number.isSafeInteger(value) && value >= from && value <= to)) continue;
    throw invalidSetting(field, `${value} is not a whole number from ${from} to ${to}${unit}`);
  }
  checkOneOf('compatibility', input.compatibility, compatibilityLevels);
  checkOneOf('reading', input.reading, readings);
  const pointer = input.keyPointer;
  if (pointer === undefined) return;
  if (pointer.length > longestPointer)
    throw invalidSetting('keyPointer', `it is longer than ${longestPointer} characters`);
  if (!/^(\/([^~/]|~[01])*)*$/.test(pointer)) {
    throw invalidSetting('keyPointer', `${JSON.stringify(pointer)} is not a JSON Pointer such as "/customer/id"`);
  }
}

function checkOneOf(field: keyof TopicSettings, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw invalidSetting(field, `${JSON.stringify(value)} is not one of ${allowed.join(', ')}`);
}

export function toLogSettings(settings: WantedSettings): LogTopicSettings {
  const { partitions, replicationFactor, minInsyncReplicas, retentionMs, retentionBytes, maxEventBytes } = settings;
  return { partitions, replicationFactor, minInsyncReplicas, retentionMs, retentionBytes, maxEventBytes };
}

/** What the log has, as the settings of a topic that has neither key pointer nor schema. */
export function fromLogTopic(topic: LogTopic): TopicSettings {
  const { partitions, replicationFactor, minInsyncReplicas, retentionMs, retentionBytes, maxEventBytes } = topic;
  return {
    partitions,
    replicationFactor,
    minInsyncReplicas,
    retentionMs,
    retentionBytes,
    maxEventBytes,
    keyPointer: undefined,
    schemaless: true,
    ...defaultKeys,
    ...defaultPolicy,
    ...defaultDedupe,
  };
}

/** What the log takes, as a limit that the bus allows. */
export function clampEventBytes(inLog: number): number {
  const { from, to } = ranges.maxEventBytes;
  return Math.min(to, Math.max(from, inLog));
}

/** The settings for a topic of the log that is adopted: only what the bus alone knows can be chosen. */
export function adoptSettings(topic: LogTopic, input: SettingsInput): TopicSettings {
  checkSettings(input);
  const inLog = fromLogTopic(topic);
  for (const field of [
    'partitions',
    'replicationFactor',
    'minInsyncReplicas',
    'retentionMs',
    'retentionBytes',
  ] as const) {
    const wanted = input[field];
    if (wanted === undefined || wanted === inLog[field]) continue;
    throw invalidSetting(
      field,
      `the topic in the log has ${inLog[field]}, not ${wanted}; adopt it as it is, then change it`,
    );
  }
  return mergeSettings({ ...inLog, maxEventBytes: clampEventBytes(inLog.maxEventBytes), schemaless: false }, input);
}

/** How a topic is weaker than it could be, in words; loud, because nobody notices before a broker is lost. */
export function durabilityWarning(name: string, settings: TopicSettings, driver: string): string | undefined {
  const { replicationFactor: replicas, minInsyncReplicas: min } = settings;
  if (driver === 'embedded') return undefined;
  if (replicas === 1)
    return `topic ${name}: its events are on one broker only (replication factor 1); they are lost with it`;
  if (min === 1) {
    return `topic ${name}: min.insync.replicas is 1, so an acknowledged event may be on one broker only; ${Math.max(2, replicas - 1)} is safe`;
  }
  if (min < replicas - 1)
    return `topic ${name}: min.insync.replicas is ${min}; the default for ${replicas} replicas is ${replicas - 1}`;
  return undefined;
}
