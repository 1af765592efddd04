import { BusError } from '../errors.js';
import type { CompiledSchema, SchemaCompiler } from '../ports/schema-compiler.js';
import type { SettledTopic } from './record.js';
import { effectiveText, type StoredSchema } from './schema-record.js';
import type { ActiveTopic, SchemaInUse, SchemaState } from './topic.js';

/** What is kept of a version in memory. */
export type SchemaFacts = Omit<StoredSchema, 'definition' | 'frozen'>;

interface Held {
  readonly facts: SchemaFacts;
  /** What it is made of, or what was made of it. */
  made: string | CompiledSchema;
}

/** The schema versions of one incarnation. Each is compiled when it is first used, once, and its text is let go then. */
export class SchemaVersions {
  readonly #schemas = new Map<number, Held>();

  constructor(readonly incarnation: string) {}

  has(version: number): boolean {
    return this.#schemas.has(version);
  }

  add({ definition, frozen, ...facts }: StoredSchema): void {
    if (this.#schemas.has(facts.version)) return;
    this.#schemas.set(facts.version, { facts, made: effectiveText({ definition, frozen }) });
  }

  facts(version: number): SchemaFacts | undefined {
    return this.#schemas.get(version)?.facts;
  }

  /** Undefined where it is not known. Throws SCHEMA_INVALID if what is stored does not compile. */
  use(version: number, compiler: SchemaCompiler): CompiledSchema | undefined {
    const held = this.#schemas.get(version);
    if (held === undefined) return undefined;
    if (typeof held.made === 'string') held.made = compiler.compile(held.made);
    return held.made;
  }
}

/** An active topic as the hot paths see it. `versions`: the schema versions that exist, in order. */
export function makeSnapshot(
  name: string,
  record: SettledTopic,
  versions: readonly number[],
  schemas: SchemaVersions,
  compiler: SchemaCompiler,
): ActiveTopic {
  const { schemaless } = record.settings;
  const latest = latestOpen(record, versions);
  const inUse = new Map<number, SchemaInUse>();

  function use(version: number): SchemaInUse | undefined {
    const known = inUse.get(version);
    if (known !== undefined) return known;
    const compiled = versions.includes(version) ? schemas.use(version, compiler) : undefined;
    if (compiled === undefined) return undefined;
    const state = stateOf(record, version);
    if (state === 'closed') throw schemaVersionClosed(name, version, latest);
    const schema: SchemaInUse = { version, compiled, warning: warningOf(name, version, state, latest) };
    inUse.set(version, schema);
    return schema;
  }

  return {
    name,
    incarnation: record.incarnation,
    logId: record.logId,
    settings: record.settings,
    maxBatchBytes: record.log.maxBatchBytes,
    compacted: record.log.compacted ?? false,
    publisherTime: record.log.publisherTime,
    schemaVersions: versions,
    schema(version) {
      if (schemaless && version === undefined) return undefined;
      const wanted = version ?? latest;
      const found = schemaless || wanted === undefined ? undefined : use(wanted);
      if (found !== undefined) return found;
      throw schemaVersionNotFound(name, version, schemaless ? undefined : versions.at(-1));
    },
  };
}

export function stateOf({ schemaStates }: SettledTopic, version: number): SchemaState {
  return schemaStates?.[version] ?? 'active';
}

/** The version that applies where none is named. */
export function latestOpen(record: SettledTopic, versions: readonly number[]): number | undefined {
  return versions.findLast((version) => stateOf(record, version) !== 'closed');
}

export function schemaVersionNotFound(name: string, version: number | undefined, latest: number | undefined): BusError {
  const has = latest === undefined ? 'it has no schema' : `the latest is ${latest}`;
  const message =
    version === undefined
      ? `topic ${name} has no schema yet`
      : `topic ${name} has no schema version ${version}; ${has}`;
  return new BusError('SCHEMA_VERSION_NOT_FOUND', message, { metadata: { topic: name } });
}

function schemaVersionClosed(name: string, version: number, latest: number | undefined): BusError {
  return new BusError(
    'SCHEMA_VERSION_CLOSED',
    `schema version ${version} of topic ${name} is closed; publish with version ${latest}, or name none`,
    { metadata: { topic: name, version: String(version), latest: String(latest) } },
  );
}

function warningOf(name: string, version: number, state: SchemaState, latest: number | undefined): string | undefined {
  if (state !== 'deprecated') return undefined;
  const instead = latest === version ? '' : `; the latest is ${latest}`;
  return `schema version ${version} of topic ${name} is deprecated${instead}`;
}
