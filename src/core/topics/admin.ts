import { mapped } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import type { EventLog } from '../ports/event-log.js';
import { type ApplyPorts, applyTopic } from './apply.js';
import { forEachLimited } from './coalesce.js';
import { checkSchemaThere, createTopic, topicInLog, toTopicInfo, toUnmanagedInfo } from './creation.js';
import { sumOf, withFigures } from './figures.js';
import { refuseWhileInUse } from './live-subscribers.js';
import type { Locked, TopicLock } from './lock.js';
import { checkTopicName } from './names.js';
import { checkedSchemas } from './new-schema.js';
import { type CreatingTopic, topicsPath } from './record.js';
import type { TopicRegistry } from './registry.js';
import type { StoredSchema } from './schema-record.js';
import { adoptSettings, defaultSettings, durabilityWarning, fromLogTopic, mergeSettings } from './settings.js';
import type { SettingsInput, TopicAdmin, TopicInfo } from './topic.js';

const logCallsAtOnce = 8;
type CreateInput = Parameters<TopicAdmin['create']>[0];

/**
 * @param confirm see `Topics.confirm`
 * @param signal ends waits when the service closes.
 */
export function createTopicAdmin(
  ports: ApplyPorts,
  registry: TopicRegistry,
  locked: Locked,
  confirm: (names: readonly string[]) => Promise<void>,
  signal: AbortSignal,
): TopicAdmin {
  const { store, log, lifecycle } = ports;

  return {
    list: () =>
      mapped(async () => {
        const infos = new Map<string, TopicInfo>();
        const names = new Set([...(await store.coordination.children(topicsPath)), ...(await log.listTopics())]);
        await forEachLimited(names, logCallsAtOnce, async (name) => {
          const known = registry.known(name);
          const info = known === undefined ? await lookUp(name) : toTopicInfo(name, known.found.record, known.versions);
          if (info !== undefined) infos.set(name, info);
        });
        return [...infos.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      }),

    get: (name) =>
      mapped(async () => {
        checkTopicName(name);
        await confirm([name]);
        const topic = await lookUp(name);
        if (topic === undefined) throw notFound(name);
        const schemas = topic.state === 'unmanaged' ? [] : await store.schemas(name);
        const readable = topic.state === 'active' || topic.state === 'unmanaged';
        const partitions = readable
          ? await withFigures({ log, clock: store.clock }, name, await boundsOf(log, topic))
          : [];
        return {
          topic,
          partitions,
          schemas,
          sizeBytes: sumOf(partitions.map(({ sizeBytes }) => sizeBytes)),
          eventsPerSecond: sumOf(partitions.map(({ eventsPerSecond }) => eventsPerSecond)),
        };
      }),

    create: (input) =>
      mapped(async () => {
        checkTopicName(input.name);
        const { name, schema, allowAnything = false } = input;
        const given = schema === undefined ? [] : [{ version: 1, definition: schema }];
        const { schemas, warnings } = await checkedSchemas(ports, name, given, allowAnything, signal);
        await locked(name, (lock) => createOrRefuse(input, schemas, lock));
        const topic = await describe(name);
        return { ...topic, warnings: withWeakness(topic, warnings) };
      }),

    apply: (input) =>
      mapped(async () => {
        checkTopicName(input.name);
        const { changes, warnings } = await locked(input.name, (lock) => applyTopic(ports, input, lock, signal));
        const topic = await describe(input.name);
        return { topic, changes, warnings: withWeakness(topic, warnings) };
      }),

    deleteUnused: (name) =>
      mapped(async () => {
        checkTopicName(name);
        await locked(name, async (lock) => {
          // A deletion that was begun is finished, whoever has come back meanwhile.
          if ((await store.read(name))?.record.state !== 'deleting') await refuseWhileInUse(store.coordination, name);
          await deleteTopic(name, undefined, lock);
        });
        await registry.refresh(name);
      }),

    delete: (name, incarnation) =>
      mapped(async () => {
        checkTopicName(name);
        await locked(name, (lock) => deleteTopic(name, incarnation, lock));
        await registry.refresh(name);
      }),
  };

  function withWeakness({ name, settings }: TopicInfo, warnings: readonly string[]): string[] {
    const weak = durabilityWarning(name, settings, log.driver);
    return weak === undefined ? [...warnings] : [...warnings, weak];
  }

  async function createOrRefuse(
    { name, settings, adopt }: CreateInput,
    schemas: readonly StoredSchema[],
    lock: TopicLock,
  ): Promise<void> {
    if (!adopt) checkSchemaThere(mergeSettings(defaultSettings, settings), schemas);
    const before = await store.read(name);
    const now = await lifecycle.settle(name, lock);
    if (now !== undefined) {
      // The first attempt of this very call was interrupted: it is complete now.
      if (before?.record.state === 'creating' && (await isRepeat(name, before.record, settings, schemas))) return;
      throw new BusError('TOPIC_ALREADY_EXISTS', `topic ${name} exists already`, { metadata: { topic: name } });
    }
    const inLog = await log.describeTopic(name);
    if (inLog !== undefined && !adopt) throw topicInLog(name);
    if (inLog === undefined && adopt) {
      throw new BusError('TOPIC_NOT_FOUND', `there is no topic ${name} in the log to adopt; create it without "adopt"`);
    }
    const wanted = inLog === undefined ? mergeSettings(defaultSettings, settings) : adoptSettings(inLog, settings);
    checkSchemaThere(wanted, schemas);
    await createTopic(store, lifecycle, name, { settings: wanted, schemas, adopt }, lock);
  }

  async function isRepeat(
    name: string,
    record: CreatingTopic,
    settings: SettingsInput,
    schemas: readonly StoredSchema[],
  ) {
    if (record.schemas !== schemas.length) return false;
    const wanted = mergeSettings(record.adopt ? record.settings : defaultSettings, settings);
    if (JSON.stringify(wanted) !== JSON.stringify(record.settings)) return false;
    const first = schemas[0];
    return first === undefined || (await store.schema(name, 1))?.digest === first.digest;
  }

  async function deleteTopic(name: string, incarnation: string | undefined, lock: TopicLock): Promise<void> {
    const found = await store.read(name);
    if (incarnation !== undefined && found?.record.incarnation !== incarnation) throw notFound(name);
    if (found?.record.state === 'deleting') return lifecycle.finishDeletion(name, lock);
    const now = await lifecycle.settle(name, lock);
    if (now === undefined) {
      if (found !== undefined || (await log.describeTopic(name)) === undefined) throw notFound(name);
      throw notManaged(name);
    }
    lock.check();
    await store.replace(name, { ...now.record, state: 'deleting' }, now.version);
    await lifecycle.finishDeletion(name, lock);
  }

  async function describe(name: string): Promise<TopicInfo> {
    const known = await registry.refresh(name);
    if (known === undefined) throw notFound(name);
    return toTopicInfo(name, known.found.record, known.versions);
  }

  async function lookUp(name: string): Promise<TopicInfo | undefined> {
    const known = await registry.refresh(name);
    if (known !== undefined) return toTopicInfo(name, known.found.record, known.versions);
    const topic = await log.describeTopic(name);
    return topic === undefined ? undefined : toUnmanagedInfo(name, topic, fromLogTopic(topic));
  }
}

async function boundsOf(log: EventLog, { name, settings }: TopicInfo) {
  const partitions = Array.from({ length: settings.partitions }, (_, partition) => ({
    partition,
    earliest: 0,
    highWatermark: 0,
  }));
  await forEachLimited(partitions, logCallsAtOnce, async (status) => {
    Object.assign(status, await log.bounds(name, status.partition));
  });
  return partitions;
}

export function notFound(name: string): BusError {
  return new BusError('TOPIC_NOT_FOUND', `there is no topic ${name}`, { metadata: { topic: name } });
}

export function notManaged(name: string): BusError {
  return new BusError(
    'TOPIC_NOT_MANAGED',
    `topic ${name} is in the log, but the bus does not manage it: adopt it first`,
    {
      metadata: { topic: name },
    },
  );
}
