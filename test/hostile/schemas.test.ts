import { afterAll, beforeAll, expect, test } from 'vitest';
import { growthOfPeak } from '../support/process-memory.js';
import { type HostileBus, refusal, startBus } from './bus.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const create = (topic: string, schema: unknown) =>
  bus.client.topics.create({ topic, schema: typeof schema === 'string' ? schema : JSON.stringify(schema) });
const publish = (topic: string, ...payloads: string[]) =>
  bus.client.publish({ topic, events: payloads.map((payload) => ({ payload })) });
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const deepSchema = (depth: number) => `${'{"not":'.repeat(depth)}true${'}'.repeat(depth)}`;
const seconds = async (act: () => Promise<unknown>) => {
  const begun = performance.now();
  await act();
  return (performance.now() - begun) / 1_000;
};

test('a schema that cannot be used is refused with the place and the reason, and no topic comes of it', async () => {
  const schemas: [unknown, RegExp][] = [
    ['', /not JSON/],
    ['{', /line 1, column 2/],
    ['[]', /an object or a boolean/],
    [`{"a":"${'x'.repeat(512 * 1024)}"}`, /at most 524288/],
    [deepSchema(65), /nested deeper than 64/],
    // Deep enough to overflow the stack of whoever walks it without a limit; the call as a whole is refused.
    [deepSchema(50_000), /nested deeper than 64|too deep|at most/],
    [{ properties: { a: { pattern: '(?=a)b' } } }, /properties\/a\/pattern.*lookahead/],
    [{ pattern: '(a{1000}){1000}' }, /\/pattern/],
    [{ pattern: '(' }, /\/pattern/],
    [{ pattern: '('.repeat(4_000) }, /\/pattern/],
    [{ pattern: 'x'.repeat(5_000) }, /longer than 4096/],
    [{ pattern: '([a-z]{0,100}){0,100}' }, /\/pattern.*too complex|\/pattern/],
    [{ $ref: 'http://169.254.169.254/latest/meta-data' }, /never fetched/],
    [{ $ref: 'file:///etc/passwd' }, /never fetched/],
    [{ $ref: '#/$defs/constructor' }, /leads nowhere/],
    [{ $ref: '#/nowhere' }, /leads nowhere/],
    [{ $schema: 'http://evil.example/schema' }, /not a draft that is supported/],
    [{ allOf: Array.from({ length: 2_001 }, () => ({ type: 'number' })) }, /more than 2000 subschemas/],
    [{ type: 'nonsense' }, /\/type/],
  ];
  const before = (await bus.client.topics.list()).length;
  for (const [schema, says] of schemas) {
    const error = await refusal(create('refused', schema));
    expect(error, JSON.stringify(schema).slice(0, 60)).toMatchObject({
      code: 'invalid_argument',
      reason: 'SCHEMA_INVALID',
    });
    expect(error.message).toMatch(says);
  }
  expect(await bus.client.topics.list()).toHaveLength(before);
  await bus.check();
});

test('a schema that refers to itself in several ways takes a second or so, not for ever, and says why', async () => {
  const node = { properties: { a: { $ref: '#/$defs/n' } } };
  const laughs = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [
      `d${i}`,
      { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
  );
  const schemas: Record<string, unknown> = {
    'one-of': { $ref: '#/$defs/n', $defs: { n: { oneOf: [node, node, node] } } },
    'any-of': {
      $ref: '#/$defs/n',
      $defs: { n: { anyOf: [{ ...node, required: ['b'] }, { ...node, required: ['b'] }, { type: 'number' }] } },
    },
    'draft-07': {
      $schema: 'http://json-schema.org/draft-07/schema#',
      $ref: '#/definitions/n',
      definitions: {
        n: {
          allOf: [
            { properties: { a: { $ref: '#/definitions/n' } } },
            { properties: { a: { $ref: '#/definitions/n' } } },
          ],
        },
      },
    },
    root: { allOf: [{ properties: { a: { $ref: '#' } } }, { properties: { a: { $ref: '#' } } }] },
    dynamic: {
      $dynamicAnchor: 'n',
      allOf: [{ properties: { a: { $dynamicRef: '#n' } } }, { properties: { a: { $dynamicRef: '#n' } } }],
    },
    laughs: { $ref: '#/$defs/d0', $defs: { ...laughs, d60: { type: 'object' } } },
  };
  for (const [topic, schema] of Object.entries(schemas)) {
    await create(topic, schema);
    const spent = await seconds(async () => {
      const error = await refusal(publish(topic, nested(90)));
      expect(error, topic).toMatchObject({ code: 'invalid_argument', reason: 'SCHEMA_VIOLATION' });
      expect(error.message).toMatch(/^event 0: .*too long/);
    });
    // Usually two; without a bound it would be the age of the universe.
    expect(spent, topic).toBeLessThan(25);
    expect(await bus.stored(topic)).toEqual([]);
  }
  await create('endless', { $ref: '#/$defs/a', $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } } }).then(
    async () => expect((await refusal(publish('endless', '{}'))).message).toMatch(/without end/),
    (error: unknown) => expect(error).toMatchObject({ reason: 'SCHEMA_INVALID' }),
  );
  await bus.check();
});

test('a recursive schema is no hindrance for a large document that is like it', async () => {
  const tree = { $ref: '#/$defs/t', $defs: { t: { type: ['array', 'number'], items: { $ref: '#/$defs/t' } } } };
  await create('trees', tree);
  const wide = `[${'[1,2,3],'.repeat(100_000)}1]`;
  const deep = '['.repeat(100) + ']'.repeat(100);
  await publish('trees', wide, deep);
  expect(await bus.stored('trees')).toEqual([wide, deep]);
});

test('regular expressions that hang others are answered in linear time, or not at all', async () => {
  const text = 'a'.repeat(900_000);
  const patterns = ['^(a|a)*$', '^(a+)+$', '(a*)*b', '([a-z]|[a-y]){0,900}[0-9]$', '^(([a-z])+.)+[A-Z]([a-z])+$'];
  for (const [index, pattern] of patterns.entries()) {
    const topic = `pattern-${index}`;
    await create(topic, { pattern });
    const answer = publish(topic, `"${text}!"`);
    const spent = await seconds(async () => {
      expect(await refusal(answer), pattern).toMatchObject({ reason: 'SCHEMA_VIOLATION' });
    });
    expect(spent, pattern).toBeLessThan(25);
  }
  await bus.check();
});

test('documents made to be slow to compare, hash or explain are answered, and memory stays flat', async () => {
  await create('unique', { type: 'array', uniqueItems: true, items: { type: 'integer', multipleOf: 1e-300 } });
  await create('strict', { type: 'object', additionalProperties: false, propertyNames: { maxLength: 3 } });
  const members = Array.from({ length: 50_000 }, (_, i) => `"member${i}":${i}`).join();
  const abuse = async () => {
    const error = await refusal(publish('strict', `{${members}}`));
    expect(error.violations).toHaveLength(10);
    expect(Number(error.metadata.violations_total)).toBeGreaterThan(1_000);
    await refusal(publish('unique', `[${'{"a":[1]},'.repeat(50_000)}1]`));
  };
  for (let i = 0; i < 5; i++) await abuse();
  const again = async () => {
    for (let i = 0; i < 10; i++) await abuse();
  };
  // Ten documents that were kept would be more than 500 MiB; what the collector has not got to yet is less.
  expect(await growthOfPeak(bus.server.pid, again)).toBeLessThan(400);
  await bus.check();
});
