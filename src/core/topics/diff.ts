import { BusError } from '../errors.js';
import type { LogTopicSettings } from '../ports/event-log.js';
import { type StoredSchema, schemaDigest, withVersion } from './schema-record.js';
import { invalidSetting } from './settings.js';
import type { SchemaInput, TopicSettings } from './topic.js';

/** What the log keeps of the settings, and may be told to change. */
const inLog = ['partitions', 'minInsyncReplicas', 'retentionMs', 'retentionBytes', 'maxEventBytes'] as const;

/** What the bus alone knows. */
const inRecord = [
  'keyPointer',
  'keyRequired',
  'schemaless',
  'compatibility',
  'reading',
  'dedupeWindowMs',
  'dedupeEntries',
] as const;

/** The way from one set of settings to another: in words, and for the log. */
export interface SettingsDiff {
  readonly changes: string[];
  readonly warnings: string[];
  /** Undefined: nothing to change there. */
  readonly log: Partial<LogTopicSettings> | undefined;
}

/** Throws TOPIC_SETTINGS_INVALID for a change that is not possible. */
export function diffSettings(before: TopicSettings, after: TopicSettings): SettingsDiff {
  if (after.replicationFactor !== before.replicationFactor) {
    throw invalidSetting('replicationFactor', `it is ${before.replicationFactor} and cannot be changed after creation`);
  }
  if (after.partitions < before.partitions) {
    throw invalidSetting('partitions', `there are ${before.partitions}; partitions can be added, but never removed`);
  }
  const changes: string[] = [];
  for (const field of [...inLog, ...inRecord] as const) {
    if (before[field] !== after[field]) changes.push(`${field}: ${show(before[field])} → ${show(after[field])}`);
  }
  const warnings: string[] = [];
  if (after.partitions > before.partitions) {
    warnings.push(
      'partitions were added: from now on keys may go to other partitions, so order per key holds only within the old or the new events, and an event that is sent again may not be recognised',
    );
  }
  if (after.keyPointer !== before.keyPointer) {
    warnings.push(
      'the key pointer has changed: events published from now on may go to other partitions than earlier ones of the same thing',
    );
  }
  const log = Object.fromEntries(
    inLog.filter((field) => before[field] !== after[field]).map((field) => [field, after[field]]),
  );
  return { changes, warnings, log: Object.keys(log).length === 0 ? undefined : log };
}

/** The versions to add to those that exist. Throws SCHEMA_VERSION_CONFLICT, SCHEMA_INVALID, or TOPIC_SETTINGS_INVALID for holes. */
export function diffSchemas(
  name: string,
  existing: readonly Pick<StoredSchema, 'version' | 'digest'>[],
  wanted: readonly SchemaInput[],
): SchemaInput[] {
  const added: SchemaInput[] = [];
  for (const schema of wanted) {
    const there = existing.find(({ version }) => version === schema.version);
    if (there === undefined) added.push(schema);
    else if (there.digest !== digestOf(schema)) {
      const next = Math.max(...existing.map(({ version }) => version)) + 1;
      throw new BusError(
        'SCHEMA_VERSION_CONFLICT',
        `schema version ${schema.version} of topic ${name} exists with another content, and versions never change: ` +
          `leave it as it is and add version ${next}`,
        { metadata: { topic: name, version: String(schema.version) } },
      );
    }
  }
  return added;
}

/** Schema versions as given: 1 to n, each once, in any order. Returned in order. */
export function checkVersions(schemas: readonly SchemaInput[]): SchemaInput[] {
  const sorted = [...schemas].sort((a, b) => a.version - b.version);
  for (const [index, { version }] of sorted.entries()) {
    if (version === index + 1) continue;
    const given = sorted.map((schema) => schema.version).join(', ');
    throw invalidSetting('schema', `versions are numbered from 1 without holes, each once; given: ${given}`);
  }
  if (sorted.length > mostVersions)
    throw invalidSetting('schema', `a topic has at most ${mostVersions} schema versions`);
  return sorted;
}

/** How many schema versions a topic may have. */
export const mostVersions = 1_000;

function digestOf({ version, definition }: SchemaInput): string {
  try {
    return schemaDigest(definition);
  } catch (error) {
    throw withVersion(error, version);
  }
}

function show(value: string | number | boolean | undefined): string {
  return value === undefined ? 'none' : String(value);
}
