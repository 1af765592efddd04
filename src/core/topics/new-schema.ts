import type { SchemaJudge } from '../ports/schema-judge.js';
import { adviseOn, findReferences, freezeReferences, type SchemaReference, schemaUri } from '../schema/index.js';
import { checkSize, effectiveText, type StoredSchema, schemaDigest, withVersion } from './schema-record.js';
import type { TopicStore } from './store.js';
import type { SchemaInput } from './topic.js';

/** A topic's versions that are not stored yet, for references among them. */
export interface PendingSchemas {
  readonly topic: string;
  readonly schemas: readonly StoredSchema[];
}

/**
 * A schema as it will be stored: with what it refers to in it. Throws SCHEMA_INVALID where it is no schema, or refers to what is not there, and
 * CoordinationErrors.
 */
export async function resolveSchema(
  store: TopicStore,
  { version, definition }: SchemaInput,
  pending?: PendingSchemas,
): Promise<StoredSchema> {
  const digest = schemaDigest(definition);
  const references = findReferences(definition).map(schemaUri);
  const lookup = async (reference: SchemaReference): Promise<string | undefined> => {
    const own = pending?.topic === reference.topic ? pending.schemas : [];
    const schema =
      own.find((each) => each.version === reference.version) ??
      (await store.schema(reference.topic, reference.version));
    return schema && effectiveText(schema);
  };
  const frozen = references.length === 0 ? undefined : await freezeReferences(definition, lookup);
  const schema = { version, definition, frozen, references, registeredAt: store.clock.wallTime(), digest };
  checkSize(schema);
  return schema;
}

/** New versions that may be stored, and what their author should know of them. */
export interface CheckedSchemas {
  readonly schemas: readonly StoredSchema[];
  readonly warnings: readonly string[];
}

/** The schemas of one call, resolved and compiled. Throws SCHEMA_INVALID and SCHEMA_HAS_NO_KEYWORD, with the version. */
export async function checkedSchemas(
  { store, judge }: { readonly store: TopicStore; readonly judge: SchemaJudge },
  topic: string,
  inputs: readonly SchemaInput[],
  allowAnything: boolean,
  signal: AbortSignal,
): Promise<CheckedSchemas> {
  const schemas: StoredSchema[] = [];
  const warnings: string[] = [];
  for (const input of inputs) {
    try {
      const advice = adviseOn(input.definition, allowAnything);
      warnings.push(...advice.map((each) => `schema version ${input.version}: ${each}`));
      const schema = await resolveSchema(store, input, { topic, schemas });
      await judge.compile(effectiveText(schema), signal);
      schemas.push(schema);
    } catch (error) {
      throw withVersion(error, input.version);
    }
  }
  return { schemas, warnings };
}
