import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import type { Lifecycle } from './lifecycle.js';
import type { Locked } from './lock.js';
import { resolveSchema } from './new-schema.js';
import type { SettledTopic } from './record.js';
import type { KnownTopic } from './registry.js';
import type { StoredSchema } from './schema-record.js';
import { latestOpen, type SchemaFacts, schemaVersionNotFound, stateOf } from './snapshot.js';
import type { TopicStore } from './store.js';
import type { SchemaInput, SchemaState, TopicSettings } from './topic.js';

/** A topic's schema versions at one moment. */
export interface TopicVersions {
  readonly topic: string;
  readonly incarnation: string;
  readonly settings: TopicSettings;
  /** All that exist, in order. */
  readonly versions: readonly number[];
  /** The one that applies where none is named; undefined where there is none. */
  readonly latest: number | undefined;
  state(version: number): SchemaState;
  facts(version: number): SchemaFacts | undefined;
  /** Of the topic's record: another one means other settings or states. */
  readonly revision: number;
}

/** The schema versions of topics, as the schema registry works on them. Throws BusErrors. */
export interface TopicSchemas {
  /** Reads a topic anew: what was acknowledged to anybody before is seen. TOPIC_NOT_FOUND and the like. */
  read(topic: string): Promise<TopicVersions>;
  /** One version in full. SCHEMA_VERSION_NOT_FOUND. */
  load(topic: TopicVersions, version: number): Promise<StoredSchema>;
  /** A schema as it would be stored: with what it refers to in it. SCHEMA_INVALID. */
  resolve(schema: SchemaInput): Promise<StoredSchema>;
  /** Adds the next version if the topic is still as it was read; false if anything has changed: then read again. */
  add(read: TopicVersions, schema: StoredSchema): Promise<boolean>;
  /** Changes settings or states, under the topic's lock. `edit` may throw, or return the record as it is. */
  change(topic: string, edit: (record: SettledTopic, now: TopicVersions) => SettledTopic): Promise<TopicVersions>;
}

export interface TopicSchemasPorts {
  readonly store: TopicStore;
  readonly lifecycle: Lifecycle;
  /** Reads a topic anew. */
  refresh(name: string): Promise<KnownTopic | undefined>;
  /** Throws why a topic cannot be used, unless it is active. */
  active(name: string, known: KnownTopic | undefined): Promise<unknown>;
  readonly locked: Locked;
}

export function createTopicSchemas({ store, lifecycle, refresh, active, locked }: TopicSchemasPorts): TopicSchemas {
  async function read(topic: string): Promise<TopicVersions> {
    const known = await refresh(topic);
    await active(topic, known);
    const record = known?.found.record;
    if (known === undefined || record === undefined || record.state === 'creating') throw BusError.topicDeleted(topic);
    return versionsOf(topic, record, known.found.version, known.versions, known.facts);
  }

  async function mapped<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toBusError(error);
    }
  }

  return {
    read: (topic) => mapped(() => read(topic)),

    load: ({ topic, versions }, version) =>
      mapped(async () => {
        const schema = versions.includes(version) ? await store.schema(topic, version) : undefined;
        if (schema === undefined) throw schemaVersionNotFound(topic, version, versions.at(-1));
        return schema;
      }),

    resolve: (schema) => mapped(() => resolveSchema(store, schema)),

    add: ({ topic, incarnation, revision, versions }, schema) =>
      mapped(async () => {
        const added = await locked(topic, async (lock) => {
          const now = await lifecycle.settle(topic, lock);
          if (now?.record.incarnation !== incarnation) throw BusError.topicDeleted(topic);
          const there = await store.schemaVersions(topic);
          if (now.version !== revision || there.at(-1) !== versions.at(-1)) return false;
          lock.check();
          return store.addSchema(topic, schema);
        });
        await refresh(topic);
        return added;
      }),

    change: (topic, edit) =>
      mapped(async () => {
        await read(topic);
        await locked(topic, async (lock) => {
          const now = await lifecycle.settle(topic, lock);
          if (now === undefined) throw BusError.topicDeleted(topic);
          const versions = await store.schemaVersions(topic);
          const before = versionsOf(topic, now.record, now.version, versions, () => undefined);
          const record = edit(now.record, before);
          if (record === now.record) return;
          lock.check();
          await store.replace(topic, record, now.version);
        });
        return read(topic);
      }),
  };
}

function versionsOf(
  topic: string,
  record: SettledTopic,
  revision: number,
  versions: readonly number[],
  facts: TopicVersions['facts'],
): TopicVersions {
  return {
    topic,
    incarnation: record.incarnation,
    settings: record.settings,
    versions,
    latest: latestOpen(record, versions),
    state: (version) => stateOf(record, version),
    facts,
    revision,
  };
}
