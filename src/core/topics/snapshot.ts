import { BusError } from '../errors.js';
import type { CompiledSchema, SchemaCompiler } from '../ports/schema-compiler.js';
import type { SettledTopic } from './record.js';
import type { ActiveTopic, SchemaInUse } from './topic.js';

/** The schema versions of one incarnation. Each is compiled when it is first used, once, and its text is let go then. */
export class SchemaVersions {
  readonly #schemas = new Map<number, string | SchemaInUse>();

  constructor(readonly incarnation: string) {}

  has(version: number): boolean {
    return this.#schemas.has(version);
  }

  add(version: number, definition: string): void {
    if (!this.#schemas.has(version)) this.#schemas.set(version, definition);
  }

  /** Undefined where it is not known. Throws SCHEMA_INVALID if what is stored does not compile. */
  use(version: number, compiler: SchemaCompiler): SchemaInUse | undefined {
    const found = this.#schemas.get(version);
    if (typeof found !== 'string') return found;
    const compiled: CompiledSchema = compiler.compile(found);
    const schema: SchemaInUse = { version, compiled };
    this.#schemas.set(version, schema);
    return schema;
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
  const latest = versions.at(-1);
  const { schemaless } = record.settings;
  return {
    name,
    incarnation: record.incarnation,
    settings: record.settings,
    maxBatchBytes: record.log.maxBatchBytes,
    schema(version) {
      if (schemaless && version === undefined) return undefined;
      const wanted = version ?? latest;
      const found =
        schemaless || wanted === undefined || latest === undefined || wanted > latest
          ? undefined
          : schemas.use(wanted, compiler);
      if (found !== undefined) return found;
      throw schemaVersionNotFound(name, version, schemaless ? undefined : latest);
    },
  };
}

function schemaVersionNotFound(name: string, version: number | undefined, latest: number | undefined): BusError {
  const has = latest === undefined ? 'it has no schema' : `the latest is ${latest}`;
  const message =
    version === undefined
      ? `topic ${name} has no schema yet`
      : `topic ${name} has no schema version ${version}; ${has}`;
  return new BusError('SCHEMA_VERSION_NOT_FOUND', message, { metadata: { topic: name } });
}
