import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { eventSchema, makeEvent } from '../../bench/events.js';
import { BusError } from '../../src/core/errors.js';
import { writeExact } from '../../src/core/numbers/exact-json.js';
import { isJsonNumber, numberOf } from '../../src/core/numbers/exact-number.js';
import type { CompiledSchema } from '../../src/core/ports/schema-compiler.js';
import { keyAt, parsePointer } from '../../src/core/publish/key-pointer.js';
import { maxDepth, parsePayload } from '../../src/core/publish/payload.js';
import { normalForm } from '../../src/core/schema/form/normal-form.js';
import { payloadScan } from '../../src/core/schema-scan/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { parsingSuite } from '../support/corpora.js';
import { anyDocument, anyDraft, anySchemaPair } from '../support/schema-arbitraries.js';

/** `MAINSTEM_SCAN_RUNS=20000` for a long run. */
const runs = Number(process.env.MAINSTEM_SCAN_RUNS ?? 150);
const seed = Number(process.env.MAINSTEM_SCHEMA_SEED ?? 8);
const compiler = createSchemaCompiler();

type Found = Uint8Array | null | undefined;

/** What parser, validator and key pointer make of a payload; undefined where it is refused. */
function slowly(compiled: CompiledSchema | undefined, payload: Uint8Array, keyPointer: string | undefined): Found {
  const parsed = parsePayload(payload);
  if (!('document' in parsed) || compiled?.accepts(parsed.document) === false) return undefined;
  const key = keyPointer === undefined ? undefined : keyAt(parsed.document, parsePointer(keyPointer) ?? []);
  return typeof key === 'string' ? undefined : (key ?? null);
}

/** Whether the scan decides, and sees to it that it is right then. A scan of its own each time: one that often fails pauses. */
function judge({ definition, compiled }: Schema, payload: Uint8Array, keyPointer?: string) {
  const found = payloadScan(normalForm(definition), keyPointer)(payload);
  const expected = slowly(compiled, payload, keyPointer);
  if (found === undefined) return expected === undefined ? 'refused' : 'undecided';
  const text = Buffer.from(payload).toString();
  expect({ definition, text, key: textOf(found) }).toEqual({ definition, text, key: textOf(expected) });
  return 'decided';
}

const textOf = (found: Found) => (found ? Buffer.from(found).toString() : found);

/** Ways to write the same document, and to spoil it. */
const anySpelling = fc
  .record({
    space: fc.constantFrom('', '', '', ' ', '\t', '\r\n', '\u000b', '\u00a0'),
    name: fc.constantFrom('', '', '', '\\u0061', 'é', '__proto__', 'b'),
    spoil: fc.option(fc.record({ at: fc.nat(), byte: fc.nat(255), length: fc.nat(2) }), { freq: 3 }),
    number: fc.constantFrom(
      '',
      '',
      '',
      '.0',
      'e0',
      'e400',
      '0',
      '.',
      '000000000000000000000.5',
      '.000000000000000001',
      '9007199254740993',
      '00000000000000000001',
    ),
    twice: fc.boolean(),
  })
  .map(({ space, name, spoil, number, twice }) => (document: unknown) => {
    let text = writeExact(document);
    if (number !== '') text = text.replace(/\d(?=[,}\]]|$)/, `$&${number}`);
    if (name !== '') text = text.replace(/"a"/, `"${name}"`);
    if (twice) text = text.replace(/\{("\w+":)("?\w+"?)(?=[,}])/, '{$1true,$1$2');
    if (space !== '') text = text.replaceAll(/[,:[\]{}]/g, `${space}$&${space}`);
    const bytes = Buffer.from(text);
    if (spoil === null) return bytes;
    const at = spoil.at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from([spoil.byte]), bytes.subarray(at + spoil.length)]);
  });

/** Documents with texts that are not all plain. */
const textDocument = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    {
      arbitrary: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 4 }),
        fc.integer({ min: -20, max: 20 }),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
      ),
      weight: 2,
    },
    { arbitrary: fc.array(tie('value'), { maxLength: 3 }), weight: 1 },
    { arbitrary: fc.dictionary(fc.constantFrom('a', 'b', 'ab', 'c', 'é'), tie('value'), { maxKeys: 4 }), weight: 5 },
  ),
})).value;

const anyPointer = fc.constantFrom(undefined, undefined, '/a', '/b', '/ab', '/a/b', '/c/a', '/a/0', '');

interface Schema {
  readonly definition: string;
  readonly compiled: CompiledSchema;
}

/** Undefined for what the product refuses. */
function compile(schema: unknown): Schema | undefined {
  const definition = writeExact(schema);
  try {
    return { definition, compiled: compiler.compile(definition) };
  } catch (error) {
    if (error instanceof BusError && error.reason === 'SCHEMA_INVALID') return undefined;
    throw error;
  }
}

/** A schema of what a scan knows that fits a document, or nearly. */
function schemaOf(document: unknown, choose: (most: number) => number): unknown {
  const roll = choose(12);
  if (roll === 0) return true;
  if (roll === 1) return { anyOf: [{ type: 'null' }, schemaOf(document, choose)] };
  if (roll === 2) return { enum: [document, 'a', 1] };
  if (roll === 3)
    return { oneOf: [{ type: ['null', 'boolean'] }, { const: document }, { type: 'integer', maximum: 1 }] };
  if (isJsonNumber(document)) {
    const bound = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'][choose(4)] ?? 'minimum';
    const type = ['integer', 'number', ['number', 'string']][choose(3)];
    // A bound that is next to the number, and equal to it as a double.
    if (choose(4) === 0) return { type, [bound]: numberOf(`${Number(document).toFixed(18)}1`), minimum: -1e9 };
    return { type, [bound]: Number(document) + choose(3) - 1 };
  }
  if (typeof document === 'string') {
    return {
      type: 'string',
      minLength: Math.max(0, [...document].length - choose(2)),
      maxLength: [...document].length + choose(3),
    };
  }
  if (Array.isArray(document)) {
    return {
      type: 'array',
      minItems: choose(3),
      maxItems: 2 + choose(3),
      items: document[0] === undefined ? true : schemaOf(document[0], choose),
    };
  }
  if (typeof document !== 'object' || document === null) return { type: ['boolean', 'null'] };
  const names = Object.keys(document);
  const properties = Object.entries(document).map(([name, value]) => [name, schemaOf(value, choose)]);
  return {
    type: choose(6) === 0 ? ['object', 'array'] : 'object',
    properties: Object.fromEntries(choose(2) === 0 ? properties : properties.toReversed().slice(choose(2))),
    required: [...names.slice(choose(3)), ...(choose(8) === 0 ? ['b'] : [])].filter(
      (name, i, all) => all.indexOf(name) === i,
    ),
    additionalProperties: [true, true, false, { type: 'string' }][choose(4)],
  };
}

describe('a scan accepts nothing that parser and validator refuse, and finds the same key', () => {
  const documents = fc.array(fc.tuple(anyDocument, anySpelling), { minLength: 20, maxLength: 20 });

  it('with schemas of every keyword', { timeout: 3_600_000 }, () => {
    const counts = { decided: 0, refused: 0, undecided: 0 };
    fc.assert(
      fc.property(anyDraft.chain(anySchemaPair), documents, anyPointer, ([drawn], tried, pointer) => {
        const schema = compile(drawn);
        if (schema === undefined) return;
        for (const [document, spelled] of tried) counts[judge(schema, spelled(document), pointer)]++;
      }),
      { numRuns: runs, seed },
    );
    console.table(counts);
    expect(counts.decided).toBeGreaterThan(runs);
  });

  it('with schemas that nearly fit', { timeout: 3_600_000 }, () => {
    const counts = { decided: 0, refused: 0, undecided: 0 };
    const choices = fc.array(fc.nat(1_000_000), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(
        textDocument,
        choices,
        fc.array(anySpelling, { minLength: 20, maxLength: 20 }),
        anyPointer,
        (document, drawn, ways, pointer) => {
          let at = 0;
          const schema = compile(schemaOf(document, (most) => (drawn[at++ % drawn.length] ?? 0) % most));
          if (schema === undefined) return;
          for (const spelled of ways) counts[judge(schema, spelled(document), pointer)]++;
        },
      ),
      { numRuns: runs, seed },
    );
    console.table(counts);
    expect(counts.decided).toBeGreaterThan(counts.undecided);
  });

  const suite = parsingSuite();
  it.skipIf(suite === undefined)('with any JSON, in the words of the parsing test suite', () => {
    const any = { definition: 'true', compiled: compiler.compile('true') };
    const undecided = suite?.filter(({ text }) => judge(any, text) === 'undecided').map(({ name }) => name);
    expect(suite?.length).toBeGreaterThan(300);
    // Names that are escaped are beyond it.
    expect(undecided?.filter((name) => !/object.*(escaped|surrogate)/.test(name))).toEqual([]);
  });
});

test('nesting counts as for the parser', () => {
  const any = { definition: 'true', compiled: compiler.compile('true') };
  const self = JSON.stringify({
    $ref: '#/$defs/a',
    $defs: { a: { type: ['array', 'object'], items: { $ref: '#' }, properties: { a: { $ref: '#' } } } },
  });
  const nested = { definition: self, compiled: compiler.compile(self) };
  for (const schema of [any, nested]) {
    for (const [opening, inner, closing] of [
      ['[', '', ']'],
      ['{"a":', '{}', '}'],
    ] as const) {
      const text = (depth: number) => Buffer.from(opening.repeat(depth) + inner + closing.repeat(depth));
      const most = inner === '' ? maxDepth : maxDepth - 1;
      expect(judge(schema, text(most))).toBe('decided');
      expect(judge(schema, text(most + 1))).toBe('refused');
    }
  }
});

test('texts end where they end, wherever that is in a word', () => {
  const any = { definition: 'true', compiled: compiler.compile('true') };
  const plain = ['a', ' ', '!', '#', '[', ']', '\u007f', '\u0080', 'ÿ', '€', '😀'];
  const others = ['"', '\\', '\u0000', '\u0001', '\u001f', '\\n', '\\u00e9'];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...plain), { maxLength: 12 }),
      fc.array(fc.constantFrom(...others, ...plain), { maxLength: 4 }),
      (most, rest) => {
        expect(judge(any, Buffer.from(`"${most.join('')}${rest.join('')}"`))).not.toBe('undecided');
      },
    ),
    { numRuns: 20 * runs, seed },
  );
});

test('a text that is cut is not completed by the one before it', () => {
  const schema = compile(JSON.parse(eventSchema()));
  if (schema === undefined) throw new Error('refused');
  const event = makeEvent(500);
  for (let length = 0; length < event.length; length++) {
    expect(judge(schema, event)).toBe('decided');
    expect(judge(schema, event.subarray(0, length))).toBe('refused');
  }
});

test('names and values that would have to be escaped match nothing', () => {
  const tricky = compile({ properties: { 'a":1,"b': { type: 'integer' } }, required: ['a":1,"b'] });
  const values = compile({ enum: ['a","b', 'x', '\ud800', '\u0000'] });
  if (tricky === undefined || values === undefined) throw new Error('refused');
  expect(judge(tricky, Buffer.from('{"a":1,"b":1}'))).toBe('refused');
  expect(judge(values, Buffer.from('"a","b"'))).toBe('refused');
  expect(judge(values, Buffer.from('"\ufffd"'))).toBe('refused');
  expect(judge(values, Buffer.from('"x"'))).toBe('decided');
});

test('the events of the bench are decided, with and without a key', () => {
  const schema = compile(JSON.parse(eventSchema()));
  if (schema === undefined) throw new Error('refused');
  for (const bytes of [100, 1024, 50_000]) {
    for (const pointer of [undefined, '/seq', '/customer/id', '/customer/vip', '/none', '/customer/none']) {
      expect(judge(schema, makeEvent(bytes), pointer)).toBe('decided');
    }
    expect(judge(schema, makeEvent(bytes), bytes > 400 ? '/customer' : '/note/x')).not.toBe('undecided');
  }
});
