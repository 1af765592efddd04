import { SchemaIncompatibleError } from '../compatibility/report.js';
import { BusError } from '../errors.js';
import { mostVersions } from '../topics/diff.js';
import type { TopicSchemas } from '../topics/versions.js';
import { type Checks, checkNotLaxer } from './check.js';
import type { RegisterCommand, Registered } from './commands.js';
import { describe } from './describe.js';

/** How often the topic may change under one call. */
const rounds = 50;

/**
 * Registers a schema. It is judged without holding anything; then it is added if the topic is still the one that it was judged by, and
 * otherwise judged anew. So of those who register at once each gets a number of its own, and each was compared with all before it.
 */
export async function registerSchema(
  { topics }: { readonly topics: TopicSchemas },
  checks: Checks,
  { topic, definition, expectedVersion, allowAnything = false, options }: RegisterCommand,
  signal: AbortSignal,
): Promise<Registered> {
  for (let round = 0; round < rounds; round++) {
    const read = await topics.read(topic);
    const proposal = await checks.propose(read, definition, allowAnything);
    const { schema, identicalVersion } = proposal;
    checkExpected(topic, expectedVersion, identicalVersion, schema.version);
    if (identicalVersion !== undefined) {
      const existing = describe(read, await topics.load(read, identicalVersion));
      return { schema: existing, created: false, report: undefined };
    }
    if (schema.version > mostVersions) {
      throw new BusError(
        'SCHEMA_TOO_MANY_VERSIONS',
        `topic ${topic} has ${mostVersions} schema versions, the most there may be; go on in a new topic`,
        { metadata: { topic } },
      );
    }
    checkNotLaxer(read, options);
    const report = await checks.judge(read, proposal, options, signal);
    if (!report.accepted) {
      throw new SchemaIncompatibleError(`the schema was not registered in ${topic}: it is ${report.summary}`, report, {
        topic,
      });
    }
    signal.throwIfAborted();
    if (await topics.add(read, schema)) return { schema: describe(read, schema), created: true, report };
  }
  throw new BusError(
    'SCHEMA_VERSION_CONFLICT',
    `the schemas of topic ${topic} change faster than this one can be compared with them; nothing was registered`,
    { metadata: { topic } },
  );
}

function checkExpected(topic: string, expected: number | undefined, identical: number | undefined, next: number): void {
  const number = identical ?? next;
  if (expected === undefined || expected === number) return;
  const why = identical === undefined ? `the next version is ${next}` : `it is the same as version ${identical}`;
  throw new BusError(
    'SCHEMA_VERSION_CONFLICT',
    `the schema would not be version ${expected} of topic ${topic}: ${why}; nothing was registered`,
    { metadata: { topic, expected: String(expected), version: String(number) } },
  );
}
