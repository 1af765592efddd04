import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import { parseExact, writeExact } from '../../src/core/numbers/exact-json.js';
import type { CompiledSchema } from '../../src/core/ports/schema-compiler.js';
import { type Draft, draftUris } from '../../src/core/schema/form/draft.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { corpus } from '../support/corpora.js';
import { knownFailures } from './json-schema-suite-failures.js';

/** The official test suite, on the path that events take: what the product's compiler makes of each schema and document. */
const archive = corpus('json-schema-test-suite.tar.gz');
const folders: Readonly<Record<Draft, string>> = {
  'draft-07': 'draft7',
  '2019-09': 'draft2019-09',
  '2020-12': 'draft2020-12',
};

interface Group {
  readonly description: string;
  readonly schema: unknown;
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[];
}

const folder = mkdtempSync(join(tmpdir(), 'json-schema-suite-'));
afterAll(() => rmSync(folder, { recursive: true }));
if (archive !== undefined) execFileSync('tar', ['xzf', archive, '-C', folder]);

const compiler = createSchemaCompiler();

/** What is not as the suite says: a group by its name where its schema is refused, else a test by its name; and what happens instead. */
function failuresOf(draft: Draft): { readonly total: number; readonly failures: Map<string, string> } {
  const failures = new Map<string, string>();
  let total = 0;
  const directory = join(folder, 'json-schema-test-suite/tests', folders[draft]);
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  for (const file of files.sort()) {
    const groups: readonly Group[] = Object(parseExact(readFileSync(join(directory, file), 'utf8')).document);
    for (const { description, schema, tests } of groups) {
      total += tests.length;
      const group = `${file.replace('.json', '')} | ${description}`;
      const compiled = compile(withDraft(schema, draft));
      if (compiled instanceof BusError) {
        failures.set(group, compiled.message);
        continue;
      }
      for (const test of tests) {
        const found = compiled.accepts(test.data);
        expect(compiled.explain(test.data, 1).total === 0, `${group} | ${test.description}`).toBe(found);
        if (found !== test.valid) failures.set(`${group} | ${test.description}`, found ? 'accepted' : 'refused');
      }
    }
  }
  return { total, failures };
}

function compile(definition: string): CompiledSchema | BusError {
  try {
    return compiler.compile(definition);
  } catch (error) {
    if (!(error instanceof BusError) || error.reason !== 'SCHEMA_INVALID') throw error;
    return error;
  }
}

function withDraft(schema: unknown, draft: Draft): string {
  if (typeof schema !== 'object' || schema === null || '$schema' in schema || draft === '2020-12')
    return writeExact(schema);
  return writeExact({ $schema: draftUris[draft], ...schema });
}

describe.skipIf(archive === undefined)('the official JSON Schema test suite', () => {
  it.each(Object.keys(folders) as Draft[])('%s: everything is as it says, but for what is listed', (draft) => {
    const { total, failures } = failuresOf(draft);
    const listed = Object.values(knownFailures).flatMap((names) =>
      Object.entries(names).flatMap(([name, drafts]) => (drafts.includes(folders[draft]) ? [name] : [])),
    );
    console.log(`${draft}: ${failures.size} groups and tests of ${total} tests differ`);
    // One that is listed and yet as the suite says is an error, too: so the list stays true.
    expect([...failures.keys()].sort()).toEqual(listed.sort());
  });
});
