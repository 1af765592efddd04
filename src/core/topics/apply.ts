import { BusError } from '../errors.js';
import type { EventLog } from '../ports/event-log.js';
import type { SchemaCompiler } from '../ports/schema-compiler.js';
import { checkNewTopic, checkSchema, createTopic, topicInLog } from './creation.js';
import { checkVersions, diffSchemas, diffSettings } from './diff.js';
import type { Lifecycle } from './lifecycle.js';
import type { TopicLock } from './lock.js';
import type { SettledTopic, Versioned } from './record.js';
import { defaultSettings, invalidSetting, mergeSettings } from './settings.js';
import type { TopicStore } from './store.js';
import type { SchemaInput, SettingsInput, TopicSettings } from './topic.js';

/** What a topic should be. */
export interface Description {
  readonly name: string;
  readonly settings: SettingsInput;
  readonly schemas: readonly SchemaInput[];
}

export interface Applied {
  readonly changes: string[];
  readonly warnings: string[];
}

export interface ApplyPorts {
  readonly store: TopicStore;
  readonly log: EventLog;
  readonly compiler: SchemaCompiler;
  readonly lifecycle: Lifecycle;
}

/**
 * Makes a topic as described, under its lock. Everything is checked before anything is changed; the log is changed first, then schemas
 * are added, then the record is written. After a crash in between, applying the same again completes it.
 */
export async function applyTopic(ports: ApplyPorts, description: Description, lock: TopicLock): Promise<Applied> {
  const { name, settings } = description;
  const schemas = checkVersions(description.schemas);
  const now = await ports.lifecycle.settle(name, lock);
  return now === undefined
    ? create(ports, name, settings, schemas, lock)
    : change(ports, name, now, settings, schemas, lock);
}

async function create(
  { store, log, compiler, lifecycle }: ApplyPorts,
  name: string,
  input: SettingsInput,
  schemas: readonly SchemaInput[],
  lock: TopicLock,
): Promise<Applied> {
  const settings = mergeSettings(defaultSettings, input);
  checkNewTopic({ settings, schemas }, compiler);
  if ((await log.describeTopic(name)) !== undefined) throw topicInLog(name);
  await createTopic(store, lifecycle, name, { settings, schemas, adopt: false }, lock);
  return { changes: ['created', ...schemas.map(({ version }) => `schema version ${version} added`)], warnings: [] };
}

async function change(
  { store, log, compiler }: ApplyPorts,
  name: string,
  { record, version }: Versioned<SettledTopic>,
  input: SettingsInput,
  wanted: readonly SchemaInput[],
  lock: TopicLock,
): Promise<Applied> {
  const settings: TopicSettings = mergeSettings(record.settings, input);
  const { changes, warnings, log: inLog } = diffSettings(record.settings, settings);
  const existing = await store.schemas(name);
  checkSchemaUse(settings, existing, wanted);
  const added = diffSchemas(name, existing, wanted);
  for (const schema of added) checkSchema(schema, compiler);
  const beyond = existing.length - wanted.length;
  if (wanted.length > 0 && beyond > 0)
    warnings.push(`${beyond} later schema versions exist that are not described; they stay`);

  let inRecord = record.log;
  if (inLog !== undefined) {
    lock.check();
    inRecord = await changeLog(log, name, inLog);
  }
  for (const schema of added) {
    lock.check();
    await store.addSchema(name, schema);
    changes.push(`schema version ${schema.version} added`);
  }
  if (changes.length > added.length) {
    lock.check();
    const { maxBatchBytes, publisherTime } = inRecord;
    await store.replace(name, { ...record, settings, log: { maxBatchBytes, publisherTime } }, version);
  }
  return { changes, warnings };
}

function checkSchemaUse(
  settings: TopicSettings,
  existing: readonly SchemaInput[],
  wanted: readonly SchemaInput[],
): void {
  const some = existing.length + wanted.length > 0;
  if (settings.schemaless && existing.length > 0)
    throw invalidSetting('schemaless', 'the topic has a schema, which cannot be taken away');
  if (settings.schemaless && some)
    throw invalidSetting('schema', 'the topic is schemaless; set schemaless to false to give it a schema');
  if (!settings.schemaless && !some) throw invalidSetting('schema', 'a topic that is not schemaless needs a schema');
}

/** Partitions may have been added already: by an earlier attempt, or in Kafka itself. */
async function changeLog(log: EventLog, name: string, wanted: NonNullable<ReturnType<typeof diffSettings>['log']>) {
  const before = await log.describeTopic(name);
  if (before === undefined)
    throw new BusError('LOG_UNAVAILABLE', `the log has no topic ${name}, although the bus manages it`);
  const { partitions, ...others } = wanted;
  if (partitions !== undefined && partitions < before.partitions) {
    throw invalidSetting('partitions', `the log has ${before.partitions} partitions already; apply that number`);
  }
  const update = partitions === undefined || partitions === before.partitions ? others : wanted;
  if (Object.keys(update).length > 0) await log.updateTopic(name, update);
  return (await log.describeTopic(name)) ?? before;
}
