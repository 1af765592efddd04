import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxDepth, parsePayload } from '../../src/core/publish/payload.js';

const parse = (text: string) => parsePayload(Buffer.from(text));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

test('accepts what JSON.parse accepts, and sees the same', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      expect(parse(text)).toEqual({ document: JSON.parse(text) });
    }),
  );
});

test('takes nesting up to the cap, in arrays, objects and mixed; brackets in texts do not count', () => {
  expect(parse(nested(maxDepth))).toHaveProperty('document');
  expect(parse(nested(maxDepth + 1))).toMatchObject({ rule: 'depth' });
  expect(parse(`${'{"a":['.repeat(50)}1${']}'.repeat(50)}`)).toHaveProperty('document');
  expect(parse(`${'{"a":['.repeat(51)}1${']}'.repeat(51)}`)).toMatchObject({ rule: 'depth' });
  expect(parse(JSON.stringify(['['.repeat(500), '\\"{'.repeat(500)]))).toHaveProperty('document');
  expect(parse(`[${'[],'.repeat(500)}[]]`)).toHaveProperty('document');
  expect(parse('['.repeat(100_000))).toMatchObject({ rule: 'depth' });
});

test('says what is wrong, without repeating the payload', () => {
  expect(parse('')).toMatchObject({ rule: 'json', message: expect.stringContaining('empty') });
  expect(parse('\ufeff{}')).toMatchObject({ message: expect.stringContaining('byte order mark') });
  expect(parsePayload(Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({ message: expect.stringContaining('UTF-8') });
  expect(parse('{bad')).toMatchObject({
    message: "the payload is not JSON: Expected property name or '}' at position 1",
  });
  const refused = parse('{"secret":"hunter2"');
  expect(refused).toMatchObject({ rule: 'json' });
  expect(JSON.stringify(refused)).not.toContain('hunter2');
});

test('decides as the JSON parsing test suite demands', () => {
  const folder = mkdtempSync(join(tmpdir(), 'json-parsing-'));
  try {
    execFileSync('tar', [
      'xzf',
      join(import.meta.dirname, '../../../shared/corpora/json-parsing.tar.gz'),
      '-C',
      folder,
    ]);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
    expect(files.length).toBeGreaterThan(300);
    for (const name of files) {
      const accepted = 'document' in parsePayload(readFileSync(join(folder, name)));
      const base = name.slice(name.lastIndexOf('/') + 1);
      if (base.startsWith('y_')) expect(accepted, base).toBe(true);
      if (base.startsWith('n_')) expect(accepted, base).toBe(false);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
