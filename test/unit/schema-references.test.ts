import { describe, expect, it } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { canonicalSchema, checkCompatibility, findReferences, freezeReferences } from '../../src/core/schema/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';

const compiler = createSchemaCompiler();
const uri = (topic: string, version = 1) => `mainstem:///topics/${topic}/schemas/${version}`;

/** Registered schemas by topic, version 1. */
const lookupIn =
  (topics: Readonly<Record<string, object | string | boolean>>) =>
  ({ topic, version }: { topic: string; version: number }) => {
    const found = version === 1 ? topics[topic] : undefined;
    return typeof found === 'string' || found === undefined ? found : JSON.stringify(found);
  };

const freeze = (schema: object, topics: Readonly<Record<string, object | string | boolean>>) =>
  freezeReferences(JSON.stringify(schema), lookupIn(topics));

async function refusal(frozen: Promise<string>): Promise<string> {
  const error: unknown = await frozen.then(
    (text) => new Error(`accepted: ${text}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof BusError) || error.reason !== 'SCHEMA_INVALID') throw error;
  return error.message;
}

describe('references to registered schemas', () => {
  const person = {
    $id: 'https://example.com/person',
    type: 'object',
    properties: { name: { $ref: '#/$defs/name' } },
    $defs: { name: { $anchor: 'name', type: 'string', minLength: 1 } },
  };
  const team = { properties: { lead: { $ref: uri('people') }, members: { items: { $ref: uri('people') } } } };

  it('are found, each once, and not in data', () => {
    const schema = {
      ...team,
      enum: [{ $ref: uri('data') }],
      properties: { ...team.properties, x: { $ref: `${uri('people', 12)}#/$defs/name` } },
    };
    expect(findReferences(JSON.stringify(schema))).toMatchObject([
      { topic: 'people', version: 1 },
      { topic: 'people', version: 12 },
    ]);
    expect(findReferences('true')).toEqual([]);
  });

  it('are frozen into a schema that stands alone, for the validator and for the checker', async () => {
    const company = {
      ...team,
      properties: {
        ...team.properties,
        name: { $ref: `${uri('people')}#/$defs/name` },
        nick: { $ref: `${uri('people')}#name` },
        teams: { items: { $ref: uri('teams') } },
      },
    };
    const frozen = await freeze(company, { people: person, teams: team });
    expect(findReferences(frozen)).toEqual([]);
    expect(Object.keys(JSON.parse(frozen).$defs)).toEqual(['people@1', 'teams@1']);
    const { accepts } = bound(frozen);
    expect(accepts({ name: 'a', nick: 'b', lead: { name: 'c' }, teams: [{ lead: { name: 'd' } }] })).toBe(true);
    for (const bad of [
      { name: '' },
      { nick: 1 },
      { lead: 1 },
      { members: [{ name: '' }] },
      { teams: [{ lead: { name: 2 } }] },
    ]) {
      expect(accepts(bad), JSON.stringify(bad)).toBe(false);
    }
    const looser = await freeze(company, {
      people: { ...person, $defs: { name: { $anchor: 'name', type: 'string' } } },
      teams: team,
    });
    const check = (definition: string, proposed: string) =>
      checkCompatibility(compiler, {
        level: 'BACKWARD',
        reading: 'strict',
        proposed,
        versions: [{ version: 1, definition }],
      }).verdict;
    expect([check(frozen, looser), check(looser, frozen)]).toEqual(['compatible', 'incompatible']);
  });

  it('may lead to what is frozen already, to draft-07, and to recursive schemas', async () => {
    const tree = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      $ref: '#/definitions/n',
      definitions: { n: { properties: { left: { $ref: '#/definitions/n' }, value: { type: 'number' } } } },
    };
    const once = await freeze({ $schema: tree.$schema, properties: { tree: { $ref: uri('trees') } } }, { trees: tree });
    const twice = await freeze(
      { $schema: tree.$schema, $ref: uri('once'), definitions: { 'once@1': false } },
      { once },
    );
    const { accepts } = bound(twice);
    expect(accepts({ tree: { left: { left: { value: 1 } } } })).toBe(true);
    expect(accepts({ tree: { left: { left: { value: 'a' } } } })).toBe(false);
  });

  it('leave a schema without any as it is', async () => {
    const text = '{ "type" : "string", "$ref": "https://example.com/x" }';
    expect(await freezeReferences(text, () => undefined)).toBe(text);
  });

  it.each<[string, object, Readonly<Record<string, object | string>>, string]>([
    [
      'an unknown topic',
      { properties: { a: { $ref: uri('nobody') } } },
      {},
      '/properties/a/$ref: the reference "mainstem:///topics/nobody/schemas/1" leads nowhere: topic nobody has no schema version 1',
    ],
    ['an unknown version', { $ref: uri('people', 7) }, { people: person }, 'topic people has no schema version 7'],
    [
      'no version',
      { $ref: 'mainstem:///topics/people/schemas/latest' },
      { people: person },
      'a reference is frozen, so it names a version',
    ],
    [
      'another form',
      { $ref: 'mainstem://people/1' },
      { people: person },
      'is not of the form mainstem:///topics/<topic>/schemas/<version>',
    ],
    [
      'a pointer that leads nowhere',
      { $ref: `${uri('people')}#/$defs/age` },
      { people: person },
      'leads nowhere in that schema',
    ],
    [
      'another draft',
      { $ref: uri('old') },
      { old: { $schema: 'http://json-schema.org/draft-07/schema#' } },
      'is of draft-07, and this one of 2020-12; they must be of one draft',
    ],
    [
      'a cycle',
      { $ref: uri('a') },
      { a: { $ref: uri('b') }, b: { properties: { a: { $ref: uri('a') } } } },
      'lead back to where they came from: mainstem:///topics/a/schemas/1 -> mainstem:///topics/b/schemas/1 -> mainstem:///topics/a/schemas/1',
    ],
    [
      'text that is none',
      { $ref: uri('broken') },
      { broken: '{' },
      'cannot be used: the schema is invalid at its top: it is not JSON',
    ],
    [
      'a remote reference further in',
      { $ref: uri('far') },
      { far: { $ref: 'https://example.com/x' } },
      'never fetched',
    ],
  ])('are refused: %s', async (_name, schema, topics, sentence) => {
    expect(await refusal(freeze(schema, topics))).toContain(sentence);
  });

  it('are bounded in number, depth and size', async () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`t${at}`, {}]));
    const all = { anyOf: Object.keys(many).map((topic) => ({ $ref: uri(topic) })) };
    expect(await refusal(freeze(all, many))).toContain('more than 64 registered schemas');
    const chain = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`t${at}`, { items: { $ref: uri(`t${at + 1}`) } }]),
    );
    expect(await refusal(freeze({ $ref: uri('t0') }, chain))).toContain('more than 16 deep');
    const large = Object.fromEntries(['a', 'b', 'c'].map((topic) => [topic, { description: 'x'.repeat(200_000) }]));
    expect(await refusal(freeze({ anyOf: ['a', 'b', 'c'].map((topic) => ({ $ref: uri(topic) })) }, large))).toContain(
      'more than 524288 bytes',
    );
  });
});

describe('equal schemas', () => {
  it.each<[string, string, string, boolean]>([
    ['order and white space', '{"type":"object","a":[1,2]}', ' {"a" : [1, 2],\n"type": "object"} ', true],
    ['spelling of numbers and texts', '{"minimum":1.0,"title":"\\u0061"}', '{"title":"a","minimum":1e0}', true],
    ['order in a list', '{"enum":[1,2]}', '{"enum":[2,1]}', false],
    ['descriptions', '{"title":"a"}', '{"title":"b"}', false],
  ])('%s', (_name, one, other, equal) => {
    expect(canonicalSchema(one) === canonicalSchema(other)).toBe(equal);
  });

  it('are only told of schemas', () => {
    expect(() => canonicalSchema('{')).toThrow(expect.objectContaining({ reason: 'SCHEMA_INVALID' }));
    expect(() => canonicalSchema(`${'['.repeat(50_000)}`)).toThrow(
      expect.objectContaining({ reason: 'SCHEMA_INVALID' }),
    );
  });
});

function bound(definition: string) {
  const compiled = compiler.compile(definition);
  return { accepts: (document: unknown) => compiled.accepts(document) };
}
