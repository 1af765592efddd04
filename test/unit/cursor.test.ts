import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cursor, type CursorPosition, decodeCursor, encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';

const lives = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ minLength: 16, maxLength: 16, unit: fc.constantFrom(...'0123456789abcdef') }),
);
const offsets = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.integer({ min: 5_000_000_000, max: 5_000_100_000 }));
const epochs = fc.oneof(fc.nat(3), fc.maxSafeNat());

/** Partitions in order, each once: as the server makes them. */
const positionsOf = (withEpochs: boolean): fc.Arbitrary<CursorPosition[]> =>
  fc
    .uniqueArray(fc.nat(1_000), { maxLength: 40 })
    .chain((partitions) =>
      fc.tuple(
        ...partitions
          .sort((a, b) => a - b)
          .map((partition) =>
            fc
              .tuple(fc.constant(partition), offsets, fc.option(epochs, { nil: undefined }))
              .map(
                ([at, next, epoch]): CursorPosition =>
                  epoch === undefined || !withEpochs ? [at, next] : [at, next, epoch],
              ),
          ),
      ),
    );

const cursors = (withEpochs: boolean): fc.Arbitrary<Cursor> =>
  fc.array(
    fc.record({
      topic: fc.string({ minLength: 1, maxLength: 249, unit: fc.constantFrom(...'abcXYZ019._-') }),
      incarnation: lives,
      positions: positionsOf(withEpochs),
    }),
    { maxLength: 3 },
  );

function reasonOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof BusError) return error.reason;
    throw error;
  }
  return undefined;
}

describe.each([0, 1])('at format level %i', (level) => {
  test('a cursor reads back as it was written, and is safe in a URL', () => {
    fc.assert(
      fc.property(cursors(level > 0), (cursor) => {
        const text = encodeCursor(cursor, level);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeCursor(text)).toEqual(cursor);
      }),
    );
  });

  test('a damaged cursor is refused, whatever happened to it', () => {
    fc.assert(
      fc.property(cursors(true), fc.nat(), fc.constantFrom(...'AZaz09-_'), (cursor, where, character) => {
        const text = encodeCursor(cursor, level);
        const at = where % text.length;
        const damaged = text.slice(0, at) + character + text.slice(at + 1);
        // The last character of base64 may carry unused bits.
        if (damaged === text || at === text.length - 1) return;
        expect(reasonOf(() => decodeCursor(damaged))).toBe('CURSOR_MALFORMED');
        expect(reasonOf(() => decodeCursor(text.slice(0, at)))).toBe('CURSOR_MALFORMED');
      }),
    );
  });
});

test('bytes with a right checksum that are no cursor are refused, or read as one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(1, 2), (bytes, format) => {
      const reason = reasonOf(() => decodeCursor(withChecksum([format, ...bytes])));
      expect([undefined, 'CURSOR_MALFORMED']).toContain(reason);
    }),
    { numRuns: 2_000 },
  );
  // A few bytes that claim a million positions.
  const claim = [2, 0, 1, 1, 0x74, 1, 0xc0, 0x84, 0x3d, 0, 0xc0, 0x84, 0x3d, 0, 0];
  expect(reasonOf(() => decodeCursor(withChecksum(claim)))).toBe('CURSOR_MALFORMED');
});

test('positions that are out of order, or there twice, are put in order in format 2', () => {
  const positions = [
    [7, 70],
    [2, 20],
    [7, 71],
    [3, 30],
  ] as const;
  expect(decodeCursor(encodeCursor([{ topic: 't', incarnation: 'i', positions }], 1))).toEqual([
    {
      topic: 't',
      incarnation: 'i',
      positions: [
        [2, 20],
        [3, 30],
        [7, 71],
      ],
    },
  ]);
});

test('thousands of partitions take few bits each', () => {
  const bitsEach = (count: number, offset: (i: number) => number, epoch?: (i: number) => number) => {
    const positions = Array.from({ length: count }, (_, i): CursorPosition => [i, offset(i), epoch?.(i)]);
    const cursor = [{ topic: 'orders', incarnation: '0123456789abcdef', positions }];
    return (encodeCursor(cursor, 1).length * 6) / count;
  };
  const scattered = (i: number) => (Math.imul(i + 1, 0x9e3779b1) >>> 0) / 2 ** 32;
  // Where offsets are drawn evenly from 2^16, no coding takes less than 16 bits for each.
  expect(bitsEach(4_000, (i) => 3_000_000_000 + Math.floor(scattered(i) * 2 ** 16))).toBeLessThan(17.5);
  expect(
    bitsEach(
      4_000,
      (i) => 3_000_000_000 + Math.floor(scattered(i) * 2 ** 16),
      () => 1_796_068_358_794_123,
    ),
  ).toBeLessThan(17.5);
  expect(bitsEach(4_000, () => 3_000_000_000)).toBeLessThan(2);
  // One that lies far away costs little.
  expect(bitsEach(4_000, (i) => (i === 17 ? 0 : 3_000_000_000 + (i % 64)))).toBeLessThan(8);
  expect(
    bitsEach(
      4_000,
      (i) => i % 2,
      (i) => i % 3,
    ),
  ).toBeLessThan(6);
  // The 4,000 partitions of a cursor of 15 KB.
  expect(bitsEach(4_000, (i) => 6 + (i % 7)) * 500).toBeLessThan(4_096);
});

test('what never was a cursor is refused', () => {
  for (const text of ['', 'latest', 'a b', '../..', 'x'.repeat(100_000), 'AQAAAAAA', '☃']) {
    expect(
      reasonOf(() => decodeCursor(text)),
      text.slice(0, 20),
    ).toBe('CURSOR_MALFORMED');
  }
  fc.assert(fc.property(fc.string(), (text) => reasonOf(() => decodeCursor(text)) === 'CURSOR_MALFORMED'));
});

function withChecksum(bytes: readonly number[]): string {
  const body = Buffer.from([...bytes, 0, 0, 0, 0]);
  body.writeUInt32LE(crc32(body.subarray(0, bytes.length)), bytes.length);
  return body.toString('base64url');
}
