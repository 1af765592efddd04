import { schemaUri } from '../schema/index.js';
import type { StoredSchema } from '../topics/schema-record.js';
import { type SchemaFacts, schemaVersionNotFound } from '../topics/snapshot.js';
import type { TopicVersions } from '../topics/versions.js';
import type { RegisteredSchema } from './commands.js';

/** A version, or the one that applies where none is named. Throws SCHEMA_VERSION_NOT_FOUND. */
export function chosen({ topic, versions, latest }: TopicVersions, version: number | undefined): number {
  const found = version ?? latest;
  if (found !== undefined) return found;
  throw schemaVersionNotFound(topic, version, versions.at(-1));
}

export function describe(read: TopicVersions, schema: StoredSchema): RegisteredSchema {
  return fromFacts(read, schema, schema.definition);
}

/** A version without its definition. */
export function describeFacts(read: TopicVersions): (version: number) => RegisteredSchema[] {
  return (version) => {
    const facts = read.facts(version);
    return facts === undefined ? [] : [fromFacts(read, facts, undefined)];
  };
}

function fromFacts(
  { topic, state }: TopicVersions,
  { version, references, registeredAt }: SchemaFacts,
  definition: string | undefined,
): RegisteredSchema {
  const uri = schemaUri({ topic, version });
  return { topic, version, definition, state: state(version), registeredAt, uri, references };
}
