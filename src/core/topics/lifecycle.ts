import { BusError } from '../errors.js';
import type { EventLog, LogTopic } from '../ports/event-log.js';
import type { TopicLock } from './lock.js';
import type { CreatingTopic, SettledTopic, Versioned } from './record.js';
import { fromLogTopic, toLogSettings } from './settings.js';
import type { TopicStore } from './store.js';

/**
 * The sequences that span log and coordination. Each runs under the topic's lock, and each step may be repeated: whoever finds a topic
 * half-way goes on from what its record says.
 *
 * - Creation: record `creating`, schemas, topic in the log, record `active`.
 * - Deletion: record `deleting`, topic in the log, schemas, record.
 */
export interface Lifecycle {
  /** Undefined: it could not be completed and was taken back, since its creator had not written all schemas. */
  finishCreation(
    name: string,
    found: Versioned<CreatingTopic>,
    lock: TopicLock,
  ): Promise<Versioned<SettledTopic> | undefined>;
  finishDeletion(name: string, lock: TopicLock): Promise<void>;
  /** Whatever is half-way is finished; the active topic, if there is one then. */
  settle(name: string, lock: TopicLock): Promise<Versioned<SettledTopic> | undefined>;
}

export function createLifecycle(store: TopicStore, log: EventLog): Lifecycle {
  const lifecycle: Lifecycle = {
    async finishCreation(name, { record, version }, lock) {
      const versions = await store.schemaVersions(name);
      if (versions.length < record.schemas) {
        lock.check();
        await store.remove(name);
        return undefined;
      }
      lock.check();
      const topic = await ensureInLog(name, record, lock);
      lock.check();
      return store.replace(name, activated(record, topic), version);
    },

    async finishDeletion(name, lock) {
      // Asked up to the last moment: after a pause the topic of this name may be a later one, with events in it.
      await log.deleteTopic(name, lock.check).catch((error: unknown) => {
        if (!isReason(error, 'TOPIC_NOT_FOUND')) throw error;
      });
      lock.check();
      await store.remove(name);
    },

    async settle(name, lock) {
      const found = await store.read(name);
      if (found === undefined) return undefined;
      const { record, version } = found;
      if (record.state === 'creating') return lifecycle.finishCreation(name, { record, version }, lock);
      if (record.state === 'active') return { record, version };
      await lifecycle.finishDeletion(name, lock);
      return undefined;
    },
  };
  return lifecycle;

  async function ensureInLog(name: string, record: CreatingTopic, lock: TopicLock): Promise<LogTopic> {
    const { settings } = record;
    try {
      const existing = await log.describeTopic(name);
      if (existing === undefined && !record.adopt) await log.createTopic(name, toLogSettings(settings));
      if (existing !== undefined && existing.maxEventBytes < settings.maxEventBytes) {
        await log.updateTopic(name, { maxEventBytes: settings.maxEventBytes });
      }
    } catch (error) {
      // Another attempt, whose answer was lost, may have created it.
      if (!isReason(error, 'TOPIC_ALREADY_EXISTS')) {
        if (isReason(error, 'TOPIC_SETTINGS_INVALID')) await takeBack(name, lock);
        throw error;
      }
    }
    const topic = await log.describeTopic(name);
    if (topic !== undefined) return topic;
    if (record.adopt) await takeBack(name, lock);
    throw record.adopt
      ? new BusError('TOPIC_NOT_FOUND', `topic ${name} is no longer in the log`)
      : new BusError('LOG_UNAVAILABLE', `the log does not show topic ${name} yet; try again shortly`);
  }

  async function takeBack(name: string, lock: TopicLock): Promise<void> {
    lock.check();
    await store.remove(name);
  }
}

function activated({ incarnation, settings, adopt }: CreatingTopic, topic: LogTopic): SettledTopic {
  const { partitions, replicationFactor, minInsyncReplicas } = fromLogTopic(topic);
  const { maxBatchBytes, publisherTime, compacted, id } = topic;
  return {
    format: 1,
    incarnation,
    state: 'active',
    // What the log decides is taken from the log; for the rest the caller's words stand, whatever the log rounds them to.
    settings: adopt
      ? {
          ...fromLogTopic(topic),
          maxEventBytes: settings.maxEventBytes,
          keyPointer: settings.keyPointer,
          keyRequired: settings.keyRequired,
          schemaless: settings.schemaless,
          compatibility: settings.compatibility,
          reading: settings.reading,
          dedupeWindowMs: settings.dedupeWindowMs,
          dedupeEntries: settings.dedupeEntries,
        }
      : { ...settings, partitions, replicationFactor, minInsyncReplicas },
    log: { maxBatchBytes, publisherTime, ...(compacted && { compacted }) },
    ...(id !== undefined && { logId: id }),
  };
}

function isReason(error: unknown, reason: BusError['reason']): boolean {
  return error instanceof BusError && error.reason === reason;
}
