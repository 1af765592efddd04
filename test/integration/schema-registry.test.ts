import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { SchemaIncompatibleError } from '../../src/core/compatibility/report.js';
import { openBus } from '../support/open-bus.js';
import { base, people, publish, reasonOf, refusal, registryOf, withStatus } from '../support/registry.js';

describe('registering', () => {
  test('numbers versions, and finds the same schema again whatever its spelling', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    const two = await registry.register('people', withStatus('a', 'b'));
    expect(two).toMatchObject({ created: true, schema: { version: 2, state: 'active', references: [] } });
    expect(two.schema.uri).toBe('mainstem:///topics/people/schemas/2');
    const again = await registry.register(
      'people',
      '{ "type":"object", "properties":{"age":{"minimum":0.0,"type":"integer"},"name":{"type":"string"}},"required":["name"] }',
    );
    expect(again).toMatchObject({ created: false, schema: { version: 1 }, report: undefined });
    expect(await bus.schemas.get('people', undefined)).toMatchObject({ version: 2 });
    expect((await bus.schemas.list('people')).schemas.map(({ version }) => version)).toEqual([1, 2]);
    // Used at once.
    expect(bus.topics.peek('people')?.schema(undefined)?.version).toBe(2);
  });

  test('refuses what breaks, with the document that would break, and changes nothing', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    await registry.register('people', withStatus('a', 'b'));
    const error = await refusal(registry.register('people', withStatus('a')));
    expect(error).toMatchObject({ reason: 'SCHEMA_INCOMPATIBLE', code: 'failed_precondition' });
    if (!(error instanceof SchemaIncompatibleError)) throw error;
    const [finding] = error.report.findings;
    expect(finding).toMatchObject({
      verdict: 'incompatible',
      backward: true,
      version: 2,
      violation: { pointer: '/status', rule: 'enum' },
      schemaPointer: '/properties/status/enum',
    });
    expect(JSON.parse(finding?.counterexample ?? '')).toMatchObject({ status: 'b' });
    expect(error.message).toContain('"status":"b"');
    expect((await bus.schemas.list('people')).schemas).toHaveLength(2);
  });

  test('with an expected number fails where it would be another', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    expect(await reasonOf(registry.register('people', withStatus('a'), {}, 3))).toBe('SCHEMA_VERSION_CONFLICT');
    expect(await reasonOf(registry.register('people', base, {}, 2))).toBe('SCHEMA_VERSION_CONFLICT');
    expect(await registry.register('people', base, {}, 1)).toMatchObject({ created: false });
    expect(await registry.register('people', withStatus('a'), {}, 2)).toMatchObject({ created: true });
  });

  test('takes a stricter policy for one call, and no laxer one', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    expect(await reasonOf(registry.register('people', withStatus('a'), { policy: { level: 'NONE' } }))).toBe(
      'INVALID_REQUEST',
    );
    expect(await reasonOf(registry.register('people', withStatus('a'), { policy: { reading: 'strict' } }))).toBe(
      'SCHEMA_INCOMPATIBLE',
    );
    // A check may ask for anything.
    const wide = { ...base, required: [] };
    expect((await registry.check('people', wide, { policy: { level: 'FORWARD' } })).report.accepted).toBe(false);
    expect((await registry.check('people', base, { policy: { level: 'FULL' } })).identicalVersion).toBe(1);
  });

  test('takes what is undecided only where the caller says so', async () => {
    await using bus = await openBus();
    await people(bus);
    const registry = registryOf(bus.schemas);
    const pattern = (source: string) => ({ type: 'object', properties: { code: { type: 'string', pattern: source } } });
    await bus.topics.create({
      name: 'p',
      settings: {},
      schema: JSON.stringify(pattern('^(ab|cd)*x{3}$')),
      adopt: false,
    });
    const proposed = pattern('^([a-d]{2})*xxx$');
    const { report } = await registry.check('p', proposed);
    expect(report).toMatchObject({
      accepted: false,
      findings: [{ verdict: 'undecided', undecidedKeyword: 'pattern' }],
    });
    expect(await reasonOf(registry.register('p', proposed))).toBe('SCHEMA_INCOMPATIBLE');
    expect(await registry.register('p', proposed, { acceptUndecided: true })).toMatchObject({ created: true });
  });

  test('of a bad schema says what is wrong with it', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    const bad: [unknown, RegExp][] = [
      ['{"type":', /not JSON/],
      ['7', /object or a boolean/],
      [{ type: 'objekt' }, /\/type/],
      [`{"title":"${'x'.repeat(512 * 1024)}"}`, /at most 524288/],
      [{ $ref: '#/$defs/none' }, /leads nowhere/],
      [{ $ref: 'https://example.com/s.json' }, /never fetched/],
      [{ $ref: 'mainstem:///topics/nobody/schemas/1' }, /leads nowhere/],
      [{ properties: { a: { $ref: 'mainstem:///topics/people/schemas/2' } } }, /no schema version 2/],
      [{ pattern: '(?=x)' }, /regular expression/],
      [{ pattern: `(${'a?'.repeat(2_000)}){50}` }, /regular expression/],
    ];
    for (const [schema, says] of bad) {
      for (const work of [registry.register, registry.check]) {
        const error = await refusal(work('people', schema));
        expect(error.reason, String(says)).toBe('SCHEMA_INVALID');
        expect(error.message).toMatch(says);
      }
    }
    expect((await bus.schemas.list('people')).schemas).toHaveLength(1);
    expect(await reasonOf(registry.register('nobody', base))).toBe('TOPIC_NOT_FOUND');
    expect(await reasonOf(registry.register('no/body', base))).toBe('TOPIC_NAME_INVALID');
    expect(await reasonOf(bus.schemas.get('people', 7))).toBe('SCHEMA_VERSION_NOT_FOUND');
    await bus.topics.create({ name: 'free', settings: { schemaless: true }, adopt: false });
    expect(await reasonOf(registry.register('free', base))).toBe('TOPIC_SETTINGS_INVALID');
  });

  test('freezes what a schema refers to', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    const $ref = 'mainstem:///topics/people/schemas/1';
    const crew = JSON.stringify({ type: 'array', items: { $ref } });
    await bus.topics.create({ name: 'crew', settings: {}, schema: crew, adopt: false });
    expect(await bus.schemas.get('crew', 1)).toMatchObject({ definition: crew, references: [$ref] });
    await bus.topics.delete('people');
    const { refusals } = await registry.validate('crew', [[{ name: 'Ada' }], [{ age: 1 }]]);
    expect(refusals).toMatchObject([{ event: 1, violations: [{ pointer: '/0', rule: 'required' }] }]);
  });

  test('ends at the most versions that a topic may have', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    const others = Array.from({ length: 999 }, (_, i) => String(i + 2));
    await Promise.all(
      others.map((version) =>
        bus.coordination.create(['topics', 'people', 'schemas', version], Buffer.from(`{"title":"${version}"}`)),
      ),
    );
    expect(await reasonOf(registry.register('people', { type: 'object', title: '1001' }))).toBe(
      'SCHEMA_TOO_MANY_VERSIONS',
    );
    expect(await registry.register('people', { title: '1000' })).toMatchObject({ created: false });
  });
});

describe('a schema without a rule', () => {
  test('is refused, unless that is allowed; one that is registered stays, and is found', async () => {
    await using bus = await openBus();
    const registry = await people(bus, { compatibility: 'NONE' });
    for (const schema of [{}, true, { openapi: '3.1.0' }]) {
      expect(await reasonOf(registry.register('people', schema))).toBe('SCHEMA_HAS_NO_KEYWORD');
      expect(await reasonOf(registry.check('people', schema))).toBe('SCHEMA_HAS_NO_KEYWORD');
    }
    const definition = '{}';
    const never = new AbortController().signal;
    const plainCheck = { acceptUndecided: false, evidenceEvents: 0, policy: {} };
    const command = { topic: 'people', definition, expectedVersion: undefined, options: plainCheck };
    expect(await bus.schemas.register({ ...command, allowAnything: true }, never)).toMatchObject({ created: true });
    expect(await bus.schemas.register(command, never)).toMatchObject({ created: false, schema: { version: 2 } });
  });

  test('cannot be what a topic is created with, or given by its files', async () => {
    await using bus = await openBus();
    const input = { name: 't', settings: {}, schema: '{}', adopt: false };
    expect(await reasonOf(bus.topics.create(input))).toBe('SCHEMA_HAS_NO_KEYWORD');
    const file = { name: 't', settings: {}, schemas: [{ version: 1, definition: '{}' }] };
    expect(await reasonOf(bus.topics.apply(file))).toBe('SCHEMA_HAS_NO_KEYWORD');
    expect(await bus.topics.apply({ ...file, allowAnything: true })).toMatchObject({ warnings: [] });
    // It is a version that exists.
    expect(await bus.topics.apply(file)).toMatchObject({ changes: [] });
    expect(await bus.topics.create({ ...input, name: 'u', allowAnything: true })).toMatchObject({ name: 'u' });
  });

  test('misspelt keywords and unchecked formats are warned about, on every way in', async () => {
    await using bus = await openBus();
    const schema = { type: 'object', requird: ['a'], properties: { a: { format: 'phone' } } };
    const warnings = [
      expect.stringMatching(/\/requird: .*Did you mean required/),
      expect.stringMatching(/phone is not checked/),
    ];
    const definition = JSON.stringify(schema);
    expect((await bus.topics.create({ name: 't', settings: {}, schema: definition, adopt: false })).warnings).toEqual(
      warnings,
    );
    const file = { name: 'u', settings: {}, schemas: [{ version: 1, definition }] };
    expect((await bus.topics.apply(file)).warnings).toEqual(warnings);
    const registry = await people(bus, { compatibility: 'NONE' });
    const { report } = await registry.register('people', schema);
    expect(report?.warnings).toEqual([expect.stringContaining('$schema'), ...warnings]);
  });
});

describe('policy and states', () => {
  test('the policy decides, and what is not said of it stays', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    const { policy } = await bus.schemas.list('people');
    expect(policy).toEqual({ level: 'BACKWARD', reading: 'declared' });
    expect(await bus.schemas.setPolicy('people', { level: 'NONE' })).toEqual({ level: 'NONE', reading: 'declared' });
    expect(await bus.schemas.setPolicy('people', { reading: 'strict' })).toEqual({ level: 'NONE', reading: 'strict' });
    await registry.register('people', { type: 'string' });
    await bus.schemas.setPolicy('people', { level: 'BACKWARD_TRANSITIVE' });
    const { report } = await registry.check('people', { type: ['string', 'number'] });
    expect(report.findings.map(({ version, verdict }) => [version, verdict])).toEqual([
      [2, 'compatible'],
      [1, 'incompatible'],
    ]);
  });

  test('a deprecated version is taken with a warning, a closed one refused, and the latest open one applies', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    await registry.register('people', withStatus('a'));
    expect(await publish(bus, [{ name: 'Ada' }], 1)).toEqual([]);
    expect(await bus.schemas.setState('people', 1, 'deprecated')).toMatchObject({ version: 1, state: 'deprecated' });
    expect(await publish(bus, [{ name: 'Ada' }], 1)).toEqual([
      'schema version 1 of topic people is deprecated; the latest is 2',
    ]);
    expect(await publish(bus, [{ name: 'Ada' }])).toEqual([]);
    await bus.schemas.setState('people', 1, 'closed');
    const closed = await refusal(publish(bus, [{ name: 'Ada' }], 1));
    expect(closed.reason).toBe('SCHEMA_VERSION_CLOSED');
    expect(closed.message).toContain('version 2');
    expect(await reasonOf(bus.schemas.setState('people', 2, 'closed'))).toBe('SCHEMA_VERSION_IN_USE');
    expect(await reasonOf(bus.schemas.setState('people', 3, 'closed'))).toBe('SCHEMA_VERSION_NOT_FOUND');

    // Back to the version before: what applies now is also what a new one is compared with.
    await bus.schemas.setState('people', 1, 'active');
    await bus.schemas.setState('people', 2, 'closed');
    expect(bus.topics.peek('people')?.schema(undefined)?.version).toBe(1);
    expect((await registry.register('people', withStatus('b'))).schema.version).toBe(3);
    expect((await bus.schemas.list('people')).schemas.map(({ state }) => state)).toEqual([
      'active',
      'closed',
      'active',
    ]);
  });

  test('files obey the policy: a further version that breaks is refused with the document', async () => {
    await using bus = await openBus();
    await people(bus);
    const file = (version: number, schema: unknown) => ({ version, definition: JSON.stringify(schema) });
    const apply = (settings: object, ...schemas: ReturnType<typeof file>[]) =>
      bus.topics.apply({ name: 'people', settings, schemas });
    const narrow = { ...base, required: ['name', 'age'] };
    const error = await refusal(apply({ partitions: 2 }, file(1, base), file(2, withStatus('a')), file(3, narrow)));
    expect(error).toMatchObject({ reason: 'SCHEMA_INCOMPATIBLE', metadata: { version: '3' } });
    expect(error.message).toMatch(/version 3 of topic people.*version 2 accepts \{.*"age" \(required\)/);
    const { topic } = await bus.topics.get('people');
    expect(topic).toMatchObject({ latestSchemaVersion: 1, settings: { partitions: 1 } });
    await apply({}, file(1, base), file(2, withStatus('a')));
    const { changes } = await apply(
      { compatibility: 'NONE' },
      file(1, base),
      file(2, withStatus('a')),
      file(3, narrow),
    );
    expect(changes).toEqual(['compatibility: BACKWARD → NONE', 'schema version 3 added']);
  });
});

describe('validation and comparison', () => {
  test('events are judged as publishing would, against a version or a proposed schema', async () => {
    await using bus = await openBus();
    const registry = await people(bus, { maxEventBytes: 1024, keyPointer: '/name' });
    const payloads = [{ name: 'Ada' }, { name: 'Ada', age: -1 }, '{"name":', { name: 'x'.repeat(1_100) }, { name: {} }];
    const { refusals, version, events } = await registry.validate('people', payloads);
    expect({ version, events }).toEqual({ version: 1, events: 5 });
    expect(refusals.map(({ event, reason }) => [event, reason])).toEqual([
      [1, 'SCHEMA_VIOLATION'],
      [2, 'PAYLOAD_NOT_JSON'],
      [3, 'EVENT_TOO_LARGE'],
      [4, 'SCHEMA_VIOLATION'],
    ]);
    const published = await refusal(publish(bus, [{ name: 'Ada', age: -1 }]));
    expect(refusals[0]?.message.replace('event 1', 'event 0')).toBe(published.message);
    const strict = await registry.validate('people', [{ name: 'Ada' }], { required: ['age'] });
    expect(strict).toMatchObject({ version: undefined, refusals: [{ violations: [{ rule: 'required' }] }] });
    expect(await reasonOf(registry.validate('people', []))).toBe('INVALID_REQUEST');
    expect(await reasonOf(registry.validate('people', Array(10_001).fill(1)))).toBe('BATCH_TOO_LARGE');
    expect(await reasonOf(registry.validate('people', [1], 4))).toBe('SCHEMA_VERSION_NOT_FOUND');
    expect(await reasonOf(registry.validate('people', [1], { type: 'x' }))).toBe('SCHEMA_INVALID');
  });

  test('two versions are compared in their text and in what they accept', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    await registry.register('people', withStatus('a', 'b'));
    await registry.register('people', withStatus('a', 'b', 'c'));
    const difference = await registry.diff('people', undefined, undefined);
    expect(difference).toMatchObject({
      from: 2,
      to: 3,
      changes: [{ pointer: '/properties/status/enum/2', before: undefined, after: '"c"' }],
      backward: { verdict: 'compatible' },
      forward: { verdict: 'incompatible', counterexample: expect.stringContaining('"c"') },
    });
    expect(difference.forward.message).toContain('version 3 accepts');
    expect(await reasonOf(registry.diff('people', undefined, 1))).toBe('SCHEMA_VERSION_NOT_FOUND');
  });
});
