import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { parseExact, writeExact } from '../../src/core/numbers/exact-json.js';
import { ExactNumber } from '../../src/core/numbers/exact-number.js';
import type { CompiledSchema } from '../../src/core/ports/schema-compiler.js';
import {
  type CompatibilityReport,
  checkCompatibility,
  type Reading,
  type Verdict,
} from '../../src/core/schema/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { anyDocument, anyDraft, anySchemaPair } from '../support/schema-arbitraries.js';

/** `MAINSTEM_SCHEMA_PAIRS=20000` for a long run. */
const pairs = Number(process.env.MAINSTEM_SCHEMA_PAIRS ?? 600);
const seed = Number(process.env.MAINSTEM_SCHEMA_SEED ?? 8);
const compiler = createSchemaCompiler();

describe('generated pairs of schemas', () => {
  it('no proof is refuted by a document, and every counterexample is one and small', { timeout: 3_600_000 }, () => {
    const counts: Record<string, number> = {};
    const count = (what: string) => {
      counts[what] = (counts[what] ?? 0) + 1;
    };
    const documents = fc.array(anyDocument, { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(anyDraft.chain(anySchemaPair), documents, ([old, next], tried) => {
        const [definition, proposed] = [writeExact(old), writeExact(next)];
        const [from, to] = [compiled(definition), compiled(proposed)];
        if (from === undefined || to === undefined) return count('refused');
        const breaks = (document: unknown) => from.accepts(document) && !to.accepts(document);
        const verdict = verdictOf(compare(definition, proposed));
        count(verdict.kind === 'undecided' ? `undecided: ${verdict.stoppedBy.keyword}` : verdict.kind);
        if (verdict.kind === 'compatible') expect(tried.filter(breaks)).toEqual([]);
        if (verdict.kind !== 'incompatible') return;
        const { document } = parseExact(verdict.counterexample.document);
        expect(breaks(document)).toBe(true);
        expect([...smaller(document)].filter(breaks)).toEqual([]);
      }),
      { numRuns: pairs, seed },
    );
    console.table(counts);
    const undecided = Object.entries(counts).filter(([what]) => what.startsWith('undecided'));
    expect((counts.refused ?? 0) / pairs).toBeLessThan(0.05);
    expect(undecided.reduce((sum, [, number]) => sum + number, 0) / pairs).toBeLessThan(0.1);
    expect(Math.min(counts.compatible ?? 0, counts.incompatible ?? 0)).toBeGreaterThan(pairs / 10);
  });

  it('declared objects are those of the same schema with every object closed', () => {
    let compatible = 0;
    fc.assert(
      fc.property(plainSchema, plainSchema, fc.boolean(), (left, right, same) => {
        const next = same ? { ...left, properties: { ...left.properties, d: { type: 'string' } } } : right;
        const declared = verdictOf(compare(JSON.stringify(left), JSON.stringify(next), 'declared'));
        const closed = verdictOf(compare(JSON.stringify(close(left)), JSON.stringify(next)));
        expect(declared.kind).toBe(closed.kind);
        if (declared.kind === 'compatible') compatible++;
      }),
      { numRuns: Math.min(pairs, 300), seed },
    );
    expect(compatible).toBeGreaterThan(20);
  });
});

/** Undefined for what the product refuses, such as `contains` beside `unevaluatedItems`. */
function compiled(definition: string): CompiledSchema | undefined {
  try {
    return compiler.compile(definition);
  } catch (error) {
    if (error instanceof BusError && error.reason === 'SCHEMA_INVALID') return undefined;
    throw error;
  }
}

interface PlainSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
}

/** Schemas as most are: objects of objects, without combinations. */
const plainSchema: fc.Arbitrary<PlainSchema> = fc.letrec<{ schema: PlainSchema }>((tie) => ({
  schema: fc.record({
    type: fc.constant('object'),
    properties: fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom({ type: 'string' }, { type: 'integer' }, { enum: ['x', 1] }, { items: { type: 'number' } }),
        tie('schema'),
      ),
      { minKeys: 1, maxKeys: 3, noNullPrototype: true },
    ),
    required: fc.uniqueArray(fc.constantFrom('a', 'b'), { maxLength: 2 }),
  }),
})).schema;

function close(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return schema;
  const entries = Object.entries(Object(schema.properties)).map(([name, child]) => [name, close(child)]);
  return { ...schema, properties: Object.fromEntries(entries), additionalProperties: false };
}

function compare(definition: string, proposed: string, reading: Reading = 'strict'): CompatibilityReport {
  const versions = [{ version: 1, definition }];
  return checkCompatibility(compiler, { level: 'BACKWARD', reading, proposed, versions, steps: 50_000 });
}

function verdictOf({ comparisons: [comparison] }: CompatibilityReport): Verdict {
  if (comparison === undefined) throw new Error('nothing was compared');
  return comparison.verdict;
}

/** The document with one member or item removed, anywhere. */
function* smaller(value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return;
  for (const [key, child] of Object.entries(value)) {
    yield replaced(value, key, []);
    for (const less of smaller(child)) yield replaced(value, key, [less]);
  }
}

function replaced(value: object, key: string, by: readonly unknown[]): unknown {
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => (String(index) === key ? by : [item]));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, child]) => (name === key ? by.map((less) => [name, less]) : [[name, child]])),
  );
}
