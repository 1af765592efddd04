import { BusError } from '../errors.js';
import type { Entry, Path } from '../ports/coordination.js';
import type { LogTopic } from '../ports/event-log.js';
import { defaultDedupe, defaultKeys, defaultPolicy, type WantedSettings } from './settings.js';
import type { SchemaState, TopicSettings } from './topic.js';

/**
 * What coordination holds of a topic, as JSON: the truth about whether it exists. Its schema versions are immutable children,
 * `schemas/<n>` (see schema-record); a version exists from the moment its child does. What may change about them stands here.
 */
export type TopicRecord = CreatingTopic | SettledTopic;

interface Common {
  readonly format: 1;
  /** Tells this topic from others of the same name, before and after it. */
  readonly incarnation: string;
}

/** On its way: anyone may finish it, forward if all its schemas are there, and back otherwise. */
export interface CreatingTopic extends Common {
  readonly state: 'creating';
  readonly settings: WantedSettings;
  /** How many schema versions belong to it from the start. */
  readonly schemas: number;
  /** It was in the log before: neither create it there nor ever take it away on the way back. */
  readonly adopt: boolean;
}

export interface SettledTopic extends Common {
  readonly state: 'active' | 'deleting';
  readonly settings: TopicSettings;
  /** What the log said when it was created or changed. */
  readonly log: Pick<LogTopic, 'maxBatchBytes' | 'publisherTime'> & { readonly compacted?: boolean };
  /** `LogTopic.id` of this life. Records from before there were ids lack it: they take the first one that is seen. */
  readonly logId?: string | undefined;
  /** Those of earlier lives that ended outside the bus, the latest last: a broker that lags may still tell of them. */
  readonly earlierLogIds?: readonly string[] | undefined;
  /** The states of the schema versions that are not active, by version. */
  readonly schemaStates?: Readonly<Record<string, Exclude<SchemaState, 'active'>>>;
}

export const topicsPath: Path = ['topics'];
export const topicPath = (name: string): Path => ['topics', name];
export const schemasPath = (name: string): Path => ['topics', name, 'schemas'];
export const schemaPath = (name: string, version: number): Path => ['topics', name, 'schemas', String(version)];

/** A topic's record with its version in coordination. */
export interface Versioned<R extends TopicRecord = TopicRecord> {
  readonly record: R;
  readonly version: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeRecord(record: TopicRecord): Uint8Array {
  return encoder.encode(JSON.stringify(record));
}

/**
 * Reads a record. Undefined where there is none; an empty one is none either: a parent that a late child left behind.
 * Throws INTERNAL where it was written by a newer version, or is damaged.
 */
export function decodeRecord(name: string, entry: Entry | undefined): Versioned | undefined {
  if (entry === undefined || entry.value.length === 0) return undefined;
  const parsed = parse(decoder.decode(entry.value));
  if (isRecord(parsed)) return { record: complete(parsed), version: entry.version };
  const why =
    isObject(parsed) && typeof parsed.format === 'number' && parsed.format > 1
      ? 'was written by a newer version'
      : 'is damaged';
  throw new BusError('INTERNAL', `the record of topic ${name} ${why}`);
}

/** Records from before there was such a setting lack it. */
function complete(record: TopicRecord): TopicRecord {
  const later = { ...defaultKeys, ...defaultPolicy, ...defaultDedupe };
  // What is there keeps its place: settings are compared as texts.
  return record.state === 'creating'
    ? { ...record, settings: { ...record.settings, ...later, ...record.settings } }
    : { ...record, settings: { ...record.settings, ...later, ...record.settings } };
}

/** The versions among the names of children, in order. */
export function versionsOf(children: readonly string[]): number[] {
  return children
    .filter((child) => /^[1-9]\d*$/.test(child))
    .map(Number)
    .sort((a, b) => a - b);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isRecord(value: unknown): value is TopicRecord {
  if (!isObject(value) || value.format !== 1 || typeof value.incarnation !== 'string' || !isObject(value.settings))
    return false;
  const { settings } = value;
  if (typeof settings.partitions !== 'number' || typeof settings.maxEventBytes !== 'number') return false;
  switch (value.state) {
    case 'creating':
      return typeof value.schemas === 'number' && typeof value.adopt === 'boolean';
    case 'active':
    case 'deleting':
      return isObject(value.log) && typeof value.log.maxBatchBytes === 'number';
    default:
      return false;
  }
}
