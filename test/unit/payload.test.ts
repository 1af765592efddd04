import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxDepth, parsePayload } from '../../src/core/publish/payload.js';
import { parsingSuite } from '../support/corpora.js';

const parse = (text: string) => parsePayload(Buffer.from(text));
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

test('accepts what JSON.parse accepts, and sees the same', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      expect(parse(text)).toMatchObject({ document: JSON.parse(text) });
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

const suite = parsingSuite();
test.skipIf(suite === undefined)('decides as the JSON parsing test suite demands', () => {
  expect(suite?.length).toBeGreaterThan(300);
  for (const { name, text } of suite ?? []) {
    const accepted = 'document' in parsePayload(text);
    if (name.startsWith('y_')) expect(accepted, name).toBe(true);
    if (name.startsWith('n_')) expect(accepted, name).toBe(false);
  }
});
