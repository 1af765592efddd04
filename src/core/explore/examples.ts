import { LRUCache } from 'lru-cache';
import { BusError } from '../errors.js';
import { writeExact } from '../numbers/exact-json.js';
import type { SchemaCompiler } from '../ports/schema-compiler.js';
import { findExample } from '../schema/index.js';
import type { SchemaRegistry } from '../schema-registry/commands.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';

/** About 4 ms. */
const steps = 2_000;
/** A longer one helps nobody who copies it. */
const mostCharacters = 2_000;
const kept = 1_000;

/** Documents to try a topic with, remembered by schema version. */
export function createExamples({
  topics,
  schemas,
  compiler,
}: {
  readonly topics: Topics;
  readonly schemas: SchemaRegistry;
  readonly compiler: SchemaCompiler;
}): (topic: string) => Promise<string | undefined> {
  const found = new LRUCache<string, { readonly text: string | undefined }>({ max: kept });

  async function find({ name, schema }: ActiveTopic): Promise<string | undefined> {
    const inUse = schema(undefined);
    if (inUse === undefined) return '{"hello":"world"}';
    const { definition } = await schemas.get(name, inUse.version);
    if (definition === undefined) return undefined;
    const document = findExample(compiler, { definition, compiled: inUse.compiled }, steps);
    const text = document === undefined ? undefined : writeExact(document);
    return text !== undefined && text.length <= mostCharacters ? text : undefined;
  }

  return async (name) => {
    try {
      const topic = topics.peek(name) ?? (await topics.require(name));
      const key = `${topic.incarnation}/${topic.settings.schemaless || topic.schemaVersions.at(-1)}`;
      const known = found.get(key) ?? { text: await find(topic) };
      found.set(key, known);
      return known.text;
    } catch (error) {
      // No example is no reason to show nothing: the schema is of a kind that is not searched, or coordination is away.
      if (error instanceof BusError) return undefined;
      throw error;
    }
  };
}
