import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AppendRecord, Header, LogRecord } from '../../src/core/model.js';
import {
  type Copies,
  decodeBatch,
  encodeBatch,
  freshCopies,
  lentCopies,
} from '../../src/drivers/embedded/batch-format.js';

const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
/** Few kinds of headers, so that a record often has those of the one before, and sometimes nearly those. */
const headers = fc.array(
  fc.tuple(
    fc.constantFrom('a', 'b', ''),
    fc.constantFrom('', '1', '2', '10').map((text) => Buffer.from(text)),
  ),
  { maxLength: 3 },
);
const record: fc.Arbitrary<AppendRecord> = fc.record({ key: fc.option(bytes), value: fc.option(bytes), headers });
const batch = fc.array(record, { minLength: 1, maxLength: 30 });
const copies: fc.Arbitrary<{ readonly copies: Copies; readonly memory: Uint8Array | undefined }> = fc.oneof(
  fc.nat(2_000).map((together) => ({ copies: freshCopies(together), memory: undefined })),
  fc.tuple(fc.nat(2_000), fc.nat(8_000)).map(([together, length]) => {
    const memory = new Uint8Array(length);
    return { copies: lentCopies(memory, together), memory };
  }),
);

/** What a record takes as it is stored. */
const stored = ({ key, value, headers: all }: AppendRecord) =>
  14 + (key?.length ?? 0) + (value?.length ?? 0) + all.reduce((sum, [, content]) => sum + 6 + content.length, 0);

/** The plain way: which records of a batch are wanted. */
function wanted(records: readonly AppendRecord[], skipped: number, maxBytes: number): AppendRecord[] {
  let left = maxBytes;
  const rest = records.slice(skipped);
  const end = rest.findIndex((each, i) => {
    left -= stored(each);
    return left < 0 && i > 0;
  });
  return end < 0 ? rest : rest.slice(0, end);
}

const plain = ({ key, value, headers: all }: AppendRecord) => ({
  key: key && Buffer.from(key),
  value: value && Buffer.from(value),
  headers: all.map(([name, content]): Header => [name, Buffer.from(content)]),
});

test('what is read of a batch is what was appended, wherever it is copied to, and whatever becomes of the batch', () => {
  fc.assert(
    fc.property(batch, fc.nat(29), fc.nat(6_000), copies, (records, skipped, maxBytes, { copies: to }) => {
      const encoded = Buffer.concat([encodeBatch(records), Buffer.from('left over from a longer batch')]);
      const length = encodeBatch(records).length;
      const into: LogRecord[] = [];
      const range = { baseOffset: 7, timestamp: 5, from: 7 + skipped, maxBytes, copies: to };
      const taken = decodeBatch(encoded, length, range, into);
      encoded.fill(0xff);
      const expected = wanted(records, skipped, maxBytes);
      expect(into.map(plain)).toEqual(expected.map(plain));
      expect(into.map(({ offset }) => offset)).toEqual(expected.map((_, i) => 7 + skipped + i));
      expect(taken).toBe(expected.reduce((sum, each) => sum + stored(each), 0));
    }),
    { numRuns: 500 },
  );
});

test('lent memory takes the records for as long as there is room, and each batch what the ones before have left', () => {
  const records = Array.from({ length: 10 }, (_, i) => ({ key: null, value: Buffer.alloc(86, i), headers: [] }));
  const encoded = encodeBatch(records);
  const memory = new Uint8Array(1_500);
  const to = lentCopies(memory, 400);
  const into: LogRecord[] = [];
  for (const baseOffset of [0, 10]) {
    const range = { baseOffset, timestamp: 0, from: baseOffset, maxBytes: 10_000, copies: to };
    decodeBatch(encoded, encoded.length, range, into);
  }
  const lent = into.map(({ value }) => value?.buffer === memory.buffer);
  // Runs of four records of 100 bytes: 4 + 4 + 2, and then one more of four.
  expect(lent).toEqual([...Array(14).fill(true), ...Array(6).fill(false)]);
  memory.fill(0xff);
  expect(into.slice(14).map(({ value }) => value?.[0])).toEqual([4, 5, 6, 7, 8, 9]);
});
