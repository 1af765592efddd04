import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError } from '../ports/coordination.js';
import {
  decodeRecord,
  encodeRecord,
  schemaPath,
  schemasPath,
  type TopicRecord,
  topicPath,
  type Versioned,
  versionsOf,
} from './record.js';
import { decodeSchema, encodeSchema, type StoredSchema } from './schema-record.js';

/** Topics' records and schemas in coordination. Throws CoordinationErrors, and INTERNAL for records that cannot be read. */
export class TopicStore {
  constructor(
    readonly coordination: Coordination,
    readonly clock: Clock,
  ) {}

  async read(name: string): Promise<Versioned | undefined> {
    return decodeRecord(name, await this.coordination.get(topicPath(name)));
  }

  /** Writes the first record of a topic. Only under the topic's lock: what an interrupted call left there is cleared away. */
  async create(name: string, record: TopicRecord): Promise<void> {
    await this.#removeSchemas(name);
    try {
      await this.coordination.create(topicPath(name), encodeRecord(record));
    } catch (error) {
      if (!isKind(error, 'exists')) throw error;
      const entry = await this.coordination.get(topicPath(name));
      if (entry === undefined || entry.value.length > 0) throw error;
      await this.coordination.set(topicPath(name), encodeRecord(record), entry.version);
    }
  }

  /** Replaces the record that has this version; TOPIC_NOT_READY where another one came in between. */
  async replace<R extends TopicRecord>(name: string, record: R, version: number): Promise<Versioned<R>> {
    try {
      return { record, version: await this.coordination.set(topicPath(name), encodeRecord(record), version) };
    } catch (error) {
      if (!isKind(error, 'conflict') && !isKind(error, 'missing')) throw error;
      throw new BusError('TOPIC_NOT_READY', `topic ${name} was changed by another call at the same moment`, {
        cause: error,
      });
    }
  }

  /** The schema versions that exist, in order. */
  async schemaVersions(name: string): Promise<number[]> {
    return versionsOf(await this.coordination.children(schemasPath(name)));
  }

  async schema(name: string, version: number): Promise<StoredSchema | undefined> {
    const entry = await this.coordination.get(schemaPath(name, version));
    return entry === undefined ? undefined : decodeSchema(name, version, entry.value);
  }

  async schemas(name: string): Promise<StoredSchema[]> {
    const found: StoredSchema[] = [];
    for (const version of await this.schemaVersions(name)) {
      const schema = await this.schema(name, version);
      if (schema !== undefined) found.push(schema);
    }
    return found;
  }

  /** From here on the version exists. False where it does already, and stays as it is. */
  async addSchema(name: string, schema: StoredSchema): Promise<boolean> {
    try {
      await this.coordination.create(schemaPath(name, schema.version), encodeSchema(schema));
      return true;
    } catch (error) {
      if (isKind(error, 'exists')) return false;
      throw error;
    }
  }

  /** Removes a topic's record, last of all. Only under the topic's lock. */
  async remove(name: string): Promise<void> {
    await this.#removeSchemas(name);
    await this.coordination.delete(topicPath(name)).catch(allow('missing'));
  }

  async #removeSchemas(name: string): Promise<void> {
    for (const child of await this.coordination.children(schemasPath(name))) {
      await this.coordination.delete([...schemasPath(name), child]).catch(allow('missing'));
    }
    await this.coordination.delete(schemasPath(name)).catch(allow('missing'));
  }
}

function isKind(error: unknown, kind: CoordinationError['kind']): boolean {
  return error instanceof CoordinationError && error.kind === kind;
}

function allow(kind: CoordinationError['kind']): (error: unknown) => void {
  return (error) => {
    if (!isKind(error, kind)) throw error;
  };
}
