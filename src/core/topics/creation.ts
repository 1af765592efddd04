import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { LogTopic } from '../ports/event-log.js';
import type { Lifecycle } from './lifecycle.js';
import type { TopicLock } from './lock.js';
import type { CreatingTopic, SettledTopic, TopicRecord, Versioned } from './record.js';
import type { StoredSchema } from './schema-record.js';
import { invalidSetting, type WantedSettings } from './settings.js';
import type { TopicStore } from './store.js';
import type { TopicInfo } from './topic.js';

/** What a new topic is made of. */
export interface NewTopic {
  readonly settings: WantedSettings;
  /** From 1, without holes. */
  readonly schemas: readonly StoredSchema[];
  readonly adopt: boolean;
}

/** Creates a topic that coordination does not know, under its lock. */
export async function createTopic(
  store: TopicStore,
  lifecycle: Lifecycle,
  name: string,
  { settings, schemas, adopt }: NewTopic,
  lock: TopicLock,
): Promise<Versioned<SettledTopic>> {
  const record: CreatingTopic = {
    format: 1,
    incarnation: newIncarnation(store.clock),
    state: 'creating',
    settings,
    schemas: schemas.length,
    adopt,
  };
  lock.check();
  await store.create(name, record);
  for (const schema of schemas) {
    lock.check();
    await store.addSchema(name, schema);
  }
  const found = await store.read(name);
  if (found?.record.state !== 'creating' || found.record.incarnation !== record.incarnation) {
    throw new BusError('TOPIC_NOT_READY', `topic ${name} was changed by another call at the same moment`);
  }
  const created = await lifecycle.finishCreation(name, { record, version: found.version }, lock);
  if (created !== undefined) return created;
  throw new BusError('TOPIC_NOT_READY', `topic ${name} was taken back while it was being created; try again`);
}

/** A topic has a schema or is schemaless. TOPIC_SETTINGS_INVALID. */
export function checkSchemaThere(settings: WantedSettings, schemas: readonly unknown[]): void {
  if (settings.schemaless && schemas.length > 0) {
    throw invalidSetting('schema', 'a schemaless topic has no schema; leave one of the two out');
  }
  if (!settings.schemaless && schemas.length === 0) {
    throw invalidSetting('schema', 'a topic needs a schema; or make it schemaless, so that it takes any JSON');
  }
}

export function topicInLog(name: string): BusError {
  return new BusError(
    'TOPIC_ALREADY_EXISTS',
    `topic ${name} exists in the log, but the bus does not manage it: create it with "adopt" to manage it as it is`,
    { metadata: { topic: name, adopt: 'true' } },
  );
}

/** A topic as callers see it. While it is being created the log has not decided on its replicas yet: 1 is shown. */
export function toTopicInfo(name: string, record: TopicRecord, versions: readonly number[]): TopicInfo {
  const { incarnation, state, settings } = record;
  return {
    name,
    state,
    settings: {
      ...settings,
      keyPointer: settings.keyPointer,
      replicationFactor: settings.replicationFactor ?? 1,
      minInsyncReplicas: settings.minInsyncReplicas ?? 1,
    },
    incarnation,
    latestSchemaVersion: versions.at(-1),
    publisherTime: record.state === 'creating' ? false : record.log.publisherTime,
  };
}

/** A topic of the log that the bus does not manage. */
export function toUnmanagedInfo(name: string, topic: LogTopic, settings: TopicInfo['settings']): TopicInfo {
  return {
    name,
    state: 'unmanaged',
    settings,
    incarnation: '',
    latestSchemaVersion: undefined,
    publisherTime: topic.publisherTime,
  };
}

/** 64 random bits in hexadecimal: the first and the last of a UUID, apart from those that say its kind. */
export function newIncarnation(clock: Clock): string {
  const uuid = clock.uuid();
  return uuid.slice(0, 8) + uuid.slice(-8);
}
