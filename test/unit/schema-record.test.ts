import { describe, expect, test } from 'vitest';
import { decodeSchema, encodeSchema, type StoredSchema, schemaDigest } from '../../src/core/topics/schema-record.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const definition = '{ "type": "object",\n  "title": "Größe 😀" }\n';
const schema: StoredSchema = {
  version: 3,
  definition,
  frozen: undefined,
  references: [],
  registeredAt: 1_700_000_000_000,
  digest: schemaDigest(definition),
};

describe('the record of a schema version', () => {
  test('keeps the text byte for byte, the frozen form and the facts', () => {
    expect(decodeSchema('t', 3, encodeSchema(schema))).toEqual(schema);
    const frozen = { ...schema, frozen: '{"ü":1}', references: ['mainstem:///topics/a/schemas/1'] };
    expect(decodeSchema('t', 3, encodeSchema(frozen))).toEqual(frozen);
  });

  test('of an earlier data directory is the bare text, whatever that is', () => {
    for (const text of [definition, 'true', ' {"format":1,"definitionBytes":2}', 'no schema at all']) {
      expect(decodeSchema('t', 1, bytes(text))).toMatchObject({
        version: 1,
        definition: text,
        registeredAt: undefined,
      });
    }
    const old = decodeSchema('t', 3, bytes('{"title":"Größe 😀","type":"object"}'));
    expect(old.digest).toBe(schema.digest);
  });

  test('of a newer version is not guessed at', () => {
    for (const line of [
      'mainstem-schema {"format":2}\n{}',
      'mainstem-schema {"format":1}\n{}',
      'mainstem-schema x\n{}',
    ]) {
      expect(() => decodeSchema('t', 3, bytes(line))).toThrow(/schema version 3 of topic t .* newer version/);
    }
  });
});
