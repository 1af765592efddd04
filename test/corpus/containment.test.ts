import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { CompiledSchema, SchemaCompiler } from '../../src/core/ports/schema-compiler.js';
import { type Draft, draftUris } from '../../src/core/schema/form/draft.js';
import { checkCompatibility, type Verdict } from '../../src/core/schema/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { corpus } from '../support/corpora.js';
import { differingLabels } from './containment-labels.js';

const pairs = corpus('containment-pairs.ndjson.gz');
/** Smaller than the default: no pair takes more than 2,000. */
const steps = 20_000;

interface Pair {
  readonly id: string;
  readonly draft: string;
  readonly category: string;
  readonly old: unknown;
  readonly new: unknown;
  readonly backward: boolean;
  readonly forward: boolean | null;
  readonly ajv: { readonly compile?: string; readonly agree?: boolean; readonly ajv_formats?: boolean };
}

interface Tally {
  pairs: number;
  decided: number;
  undecided: number;
  /** The validators themselves contradict the label. */
  differing: number;
  notCompiled: number;
}

/** The drafts before 07 are read as 07: what they have in common is what such pairs are about. */
function withDraft(schema: unknown, draft: string): string {
  const $schema = draftUris[draft in draftUris ? (draft as Draft) : 'draft-07'];
  if (schema === true) return JSON.stringify({ $schema });
  if (schema === false) return JSON.stringify({ $schema, not: {} });
  return JSON.stringify(Object.assign({}, schema, { $schema }));
}

function cached(compiler: SchemaCompiler): SchemaCompiler {
  const compiled = new Map<string, CompiledSchema>();
  return {
    compile(definition) {
      const known = compiled.get(definition) ?? compiler.compile(definition);
      compiled.set(definition, known);
      return known;
    },
  };
}

const compiler = cached(createSchemaCompiler());

function compiles(definition: string): boolean {
  try {
    compiler.compile(definition);
    return true;
  } catch {
    return false;
  }
}

function decide(old: string, proposed: string): Verdict {
  const versions = [{ version: 1, definition: old }];
  const report = checkCompatibility(compiler, { level: 'BACKWARD', reading: 'strict', proposed, versions, steps });
  const [comparison] = report.comparisons;
  if (comparison === undefined) throw new Error('nothing was compared');
  return comparison.verdict;
}

describe.skipIf(pairs === undefined)('pairs of schemas with a known truth', () => {
  it('no verdict is wrong, and at least 95 % of each category is decided', { timeout: 1_200_000 }, () => {
    const lines = gunzipSync(readFileSync(pairs ?? ''))
      .toString()
      .trim()
      .split('\n');
    const tallies = new Map<string, Tally>();
    const wrong: string[] = [];
    const differing: string[] = [];
    for (const line of lines) {
      const pair: Pair = JSON.parse(line);
      if (pair.ajv.compile !== undefined || pair.ajv.agree === false) continue;
      // The suite takes some formats for annotations that the product asserts.
      check(pair.id, pair.category, pair.old, pair.new, pair.ajv.ajv_formats ?? pair.backward, pair.draft);
      if (pair.forward !== null) {
        check(`${pair.id} reversed`, `${pair.category} reversed`, pair.new, pair.old, pair.forward, pair.draft);
      }
    }
    function check(id: string, category: string, old: unknown, next: unknown, truth: boolean, draft: string): void {
      const tally = tallies.get(category) ?? { pairs: 0, decided: 0, undecided: 0, differing: 0, notCompiled: 0 };
      tallies.set(category, tally);
      tally.pairs++;
      const [from, to] = [withDraft(old, draft), withDraft(next, draft)];
      if (!compiles(from) || !compiles(to)) {
        tally.notCompiled++;
        return;
      }
      const verdict = decide(from, to);
      if (verdict.kind === 'undecided') tally.undecided++;
      else if ((verdict.kind === 'compatible') === truth) tally.decided++;
      else if (validatorsAgreeWith(verdict, old, from, to)) {
        tally.differing++;
        differing.push(id);
      } else wrong.push(`${id}: ${JSON.stringify(verdict)}`);
    }
    console.table(Object.fromEntries(tallies));
    expect(wrong).toEqual([]);
    expect(differing.sort()).toEqual(Object.values(differingLabels).flat().sort());
    for (const [category, { decided, undecided }] of tallies) {
      expect(decided / (decided + undecided), category).toBeGreaterThan(0.95);
    }
  });
});

/** Whether the validators say what the verdict says, of a document that decides it. */
function validatorsAgreeWith(verdict: Verdict, old: unknown, from: string, to: string): boolean {
  const breaks = (document: unknown) =>
    compiler.compile(from).accepts(document) && !compiler.compile(to).accepts(document);
  if (verdict.kind === 'incompatible') return breaks(JSON.parse(verdict.counterexample.document));
  // The label says that the only document of the old schema breaks the new one.
  return typeof old === 'object' && old !== null && 'const' in old && !breaks(old.const);
}
