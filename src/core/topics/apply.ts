import { judgeProposal } from '../compatibility/judge-proposal.js';
import { SchemaIncompatibleError } from '../compatibility/report.js';
import { BusError } from '../errors.js';
import type { EventLog } from '../ports/event-log.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { checkSchemaThere, createTopic, topicInLog } from './creation.js';
import { checkVersions, diffSchemas, diffSettings } from './diff.js';
import type { Lifecycle } from './lifecycle.js';
import type { TopicLock } from './lock.js';
import { checkedSchemas } from './new-schema.js';
import type { SettledTopic, Versioned } from './record.js';
import { effectiveText, type StoredSchema } from './schema-record.js';
import { defaultSettings, invalidSetting, mergeSettings } from './settings.js';
import { latestOpen } from './snapshot.js';
import type { TopicStore } from './store.js';
import type { SchemaInput, SettingsInput, TopicSettings } from './topic.js';

/** What a topic should be. */
export interface Description {
  readonly name: string;
  readonly settings: SettingsInput;
  readonly schemas: readonly SchemaInput[];
  /** Also schemas without any rule. Default false: SCHEMA_HAS_NO_KEYWORD. */
  readonly allowAnything?: boolean | undefined;
}

export interface Applied {
  readonly changes: string[];
  readonly warnings: string[];
}

export interface ApplyPorts {
  readonly store: TopicStore;
  readonly log: EventLog;
  readonly judge: SchemaJudge;
  readonly lifecycle: Lifecycle;
}

/**
 * Makes a topic as described, under its lock. Everything is checked before anything is changed; the log is changed first, then schemas
 * are added, then the record is written. After a crash in between, applying the same again completes it.
 */
export async function applyTopic(
  ports: ApplyPorts,
  description: Description,
  lock: TopicLock,
  signal: AbortSignal,
): Promise<Applied> {
  const schemas = checkVersions(description.schemas);
  const now = await ports.lifecycle.settle(description.name, lock);
  return now === undefined
    ? create(ports, { ...description, schemas }, lock, signal)
    : change(ports, { ...description, schemas }, now, lock, signal);
}

/** The versions that a topic begins with are not compared: there are no events yet that could be hurt. */
async function create(
  ports: ApplyPorts,
  { name, settings: input, schemas: given, allowAnything = false }: Description,
  lock: TopicLock,
  signal: AbortSignal,
): Promise<Applied> {
  const { store, log, lifecycle } = ports;
  const settings = mergeSettings(defaultSettings, input);
  checkSchemaThere(settings, given);
  const { schemas, warnings } = await checkedSchemas(ports, name, given, allowAnything, signal);
  if ((await log.describeTopic(name)) !== undefined) throw topicInLog(name);
  await createTopic(store, lifecycle, name, { settings, schemas, adopt: false }, lock);
  return {
    changes: ['created', ...schemas.map(({ version }) => `schema version ${version} added`)],
    warnings: [...warnings],
  };
}

async function change(
  ports: ApplyPorts,
  { name, settings: input, schemas: wanted, allowAnything = false }: Description,
  { record, version }: Versioned<SettledTopic>,
  lock: TopicLock,
  signal: AbortSignal,
): Promise<Applied> {
  const { store } = ports;
  const settings: TopicSettings = mergeSettings(record.settings, input);
  const { changes, warnings, log: inLog } = diffSettings(record.settings, settings);
  const existing = await store.schemas(name);
  checkSchemaUse(settings, existing, wanted);
  const fresh = diffSchemas(name, existing, wanted);
  const { schemas: added, warnings: advice } = await checkedSchemas(ports, name, fresh, allowAnything, signal);
  warnings.push(...advice);
  await checkPolicy(ports, name, { ...record, settings }, existing, added, signal);
  const beyond = existing.length - wanted.length;
  if (wanted.length > 0 && beyond > 0)
    warnings.push(`${beyond} later schema versions exist that are not described; they stay`);

  let inRecord = record.log;
  if (inLog !== undefined) {
    lock.check();
    inRecord = await changeLog(ports.log, name, inLog);
  }
  for (const schema of added) {
    lock.check();
    await store.addSchema(name, schema);
    changes.push(`schema version ${schema.version} added`);
  }
  if (changes.length > added.length) {
    lock.check();
    const { maxBatchBytes, publisherTime, compacted = false } = inRecord;
    const log = { maxBatchBytes, publisherTime, ...(compacted && { compacted }) };
    await store.replace(name, { ...record, settings, log }, version);
  }
  return { changes, warnings };
}

/** Each further version has to be what the topic's policy asks of it. Throws SCHEMA_INCOMPATIBLE. */
async function checkPolicy(
  { judge }: ApplyPorts,
  name: string,
  record: SettledTopic,
  existing: readonly StoredSchema[],
  added: readonly StoredSchema[],
  signal: AbortSignal,
): Promise<void> {
  const { compatibility: level, reading } = record.settings;
  const policy = { level, reading };
  const texts = new Map(existing.map((schema) => [schema.version, effectiveText(schema)]));
  for (const schema of added) {
    const versions = [...texts.keys()];
    const judgement = await judgeProposal(
      judge,
      {
        definition: effectiveText(schema),
        policy,
        latest: latestOpen(record, versions),
        versions,
        load: async (version) => texts.get(version) ?? '',
        acceptUndecided: false,
      },
      signal,
    );
    if (!judgement.accepted) {
      const report = { ...judgement, policy, evidence: undefined, brokenReaders: [], warnings: [] };
      throw new SchemaIncompatibleError(
        `schema version ${schema.version} of topic ${name} is ${report.summary}`,
        report,
        {
          topic: name,
          version: String(schema.version),
        },
      );
    }
    texts.set(schema.version, effectiveText(schema));
  }
}

function checkSchemaUse(
  settings: TopicSettings,
  existing: readonly StoredSchema[],
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
