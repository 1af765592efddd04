import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AppendRecord } from '../../src/core/model.js';
import { layOut, writeBatch } from '../../src/drivers/kafka/protocol/record-batch.js';
import { decodeRecords } from '../../src/drivers/kafka/protocol/record-batches.js';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc
    .tuple(fc.integer({ min: 0, max: 20_000 }), fc.nat({ max: 255 }))
    .map(([length, byte]) => Buffer.alloc(length, byte)),
);
const anyHeaders = fc.array(fc.tuple(fc.string({ maxLength: 5 }), bytes), { maxLength: 2 });
/** Records that share their headers with others, as nearly all of the bus's do, and such that do not. */
const records = fc.tuple(anyHeaders, anyHeaders).chain(([some, others]) =>
  fc.array(
    fc.record<AppendRecord>({
      key: fc.option(fc.uint8Array({ maxLength: 5 })),
      value: fc.option(bytes),
      headers: fc.oneof(fc.constant(some), fc.constant(some), fc.constant(others), anyHeaders),
    }),
    { minLength: 1, maxLength: 30 },
  ),
);
const stamp = { producerId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), epoch: 9, sequence: 10 };
// As texts: comparing large buffers item by item takes minutes.
const text = (part: Uint8Array | null) => part && Buffer.from(part).toString('latin1');
const asTexts = ({ key, value, headers }: AppendRecord) => ({
  key: text(key),
  value: text(value),
  headers: headers.map(([name, content]) => [name, text(content)]),
});

test('what was written is read, from any offset on, and holds little more than itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(records, { minLength: 1, maxLength: 3 }), fc.nat({ max: 40 }), async (batches, from) => {
      const all = batches.flat();
      let offset = 0;
      const fetched = Buffer.concat(
        batches.map((batch) => {
          const layout = layOut(batch);
          const buffer = Buffer.alloc(layout.bytes);
          expect(writeBatch(buffer, 0, batch, layout, stamp, 1_700_000_000_000)).toBe(layout.bytes);
          buffer.writeBigInt64BE(BigInt(offset));
          offset += batch.length;
          return buffer;
        }),
      );
      const decoded = await decodeRecords(fetched, from, []);
      fetched.fill(0xaa);
      expect(decoded).toMatchObject({ nextOffset: Math.max(from, all.length), unreadable: undefined, cutShort: false });
      expect(decoded.records.map((one) => one.offset)).toEqual(all.map((_, i) => i).slice(from));
      expect(decoded.records.map(asTexts)).toEqual(all.slice(from).map(asTexts));
      for (const { key, value, headers } of decoded.records) {
        const parts = [key, value, ...headers.map(([, content]) => content)].filter((part) => part !== null);
        const own = parts.reduce((sum, part) => sum + part.length, 0);
        for (const part of parts) if (part.buffer.byteLength > own + 16 * 1024 + 100) expect.fail('it holds more');
      }
    }),
    { numRuns: 200 },
  );
});
