import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSchemaRegistry } from '../../src/core/schema-registry/index.js';
import { createTopics } from '../../src/core/topics/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { openEmbeddedCoordination, openEmbeddedLog } from '../../src/drivers/embedded/index.js';
import { inlineJudge } from '../support/inline-judge.js';
import { registryOf } from '../support/registry.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { until } from '../support/until.js';

/** Instances on one data directory, each with a session and watches of its own. */
async function instances(count: number) {
  const directory = await temporaryDirectory();
  const log = await openEmbeddedLog({ directory: directory.path });
  const compiler = createSchemaCompiler();
  const judge = inlineJudge(compiler);
  const all = await Promise.all(
    Array.from({ length: count }, async () => {
      const coordination = await openEmbeddedCoordination({ directory: directory.path });
      const topics = createTopics({ log, coordination, compiler, judge });
      await topics.start();
      const schemas = createSchemaRegistry({ topics: topics.schemas, log, coordination, judge });
      return { topics, schemas, coordination };
    }),
  );
  return {
    all,
    async [Symbol.asyncDispose]() {
      for (const { topics, coordination } of all) {
        await topics.close();
        await coordination.close();
      }
      await log.close();
      await directory.remove();
    },
  };
}

test('however registrations race, each gets a number of its own, none is lost, and the same schema gets one', async () => {
  await using fleet = await instances(3);
  const [first] = fleet.all;
  let topic = 0;
  const registration = fc.record({
    instance: fc.nat(2),
    schema: fc.nat(3),
    expected: fc.option(fc.integer({ min: 2, max: 4 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(registration, { minLength: 2, maxLength: 6 }), async (registrations) => {
      const name = `t${topic++}`;
      await first?.topics.create({
        name,
        settings: { compatibility: 'NONE' },
        schema: '{"type":"object","title":"first"}',
        adopt: false,
      });
      const outcomes = await Promise.all(
        registrations.map(async ({ instance, schema, expected }) => {
          const at = fleet.all[instance];
          if (at === undefined) throw new RangeError(`there is no instance ${instance}`);
          const work = registryOf(at.schemas).register(
            name,
            { type: 'object', title: `s${schema}` },
            {},
            expected ?? undefined,
          );
          return work.then(
            (registered) => ({ schema, expected, version: registered.schema.version, created: registered.created }),
            (error: unknown) => ({ schema, expected, error }),
          );
        }),
      );
      const listed = (await first?.schemas.list(name))?.schemas ?? [];
      const titles = listed.map(({ definition }): unknown => JSON.parse(definition ?? '').title);
      expect(listed.map(({ version }) => version)).toEqual(titles.map((_, i) => i + 1));
      expect(new Set(titles).size).toBe(titles.length);
      for (const outcome of outcomes) {
        if ('error' in outcome) {
          expect(outcome.error).toMatchObject({ reason: 'SCHEMA_VERSION_CONFLICT' });
          expect(outcome.expected).not.toBeNull();
        } else {
          expect(titles[outcome.version - 1]).toBe(`s${outcome.schema}`);
          if (outcome.expected !== null) expect(outcome.version).toBe(outcome.expected);
        }
      }
      const created = outcomes.filter((outcome) => 'created' in outcome && outcome.created);
      expect(created).toHaveLength(titles.length - 1);
    }),
    { numRuns: 40 },
  );
});

test('a new version, a state and a policy are in use at every instance shortly after', async () => {
  await using fleet = await instances(2);
  const [a, b] = fleet.all;
  await a?.topics.create({ name: 't', settings: {}, schema: '{"type":"object"}', adopt: false });
  const topic = await b?.topics.require('t');
  if (!a || !b || !topic) throw new Error('no instances');
  const seen = until();
  let version: number | undefined;
  b.topics.watch(topic, (now) => {
    version = 'schema' in now ? now.schema(undefined)?.version : undefined;
    seen.changed();
  });
  await registryOf(a.schemas).register('t', '{"type":["object","array"]}');
  await seen.until(() => version === 2);
  await a.schemas.setState('t', 2, 'closed');
  await seen.until(() => version === 1);
  expect(() => b.topics.peek('t')?.schema(2)).toThrow('closed');
});
