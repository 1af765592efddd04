import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cursor, decodeCursor, encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';

const cursors: fc.Arbitrary<Cursor> = fc.array(
  fc.record({
    topic: fc.string({ minLength: 1, maxLength: 249, unit: fc.constantFrom(...'abcXYZ019._-') }),
    incarnation: fc.string({ maxLength: 40 }),
    positions: fc.array(fc.tuple(fc.nat(1_000), fc.maxSafeNat()), { maxLength: 20 }),
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

test('a cursor reads back as it was written, and is safe in a URL', () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      const text = encodeCursor(cursor);
      expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(decodeCursor(text)).toEqual(cursor);
    }),
  );
});

test('a damaged cursor is refused, whatever happened to it', () => {
  fc.assert(
    fc.property(cursors, fc.nat(), fc.constantFrom(...'AZaz09-_'), (cursor, where, character) => {
      const text = encodeCursor(cursor);
      const at = where % text.length;
      const damaged = text.slice(0, at) + character + text.slice(at + 1);
      // The last character of base64 may carry unused bits.
      if (damaged === text || at === text.length - 1) return;
      expect(reasonOf(() => decodeCursor(damaged))).toBe('CURSOR_MALFORMED');
      expect(reasonOf(() => decodeCursor(text.slice(0, at)))).toBe('CURSOR_MALFORMED');
    }),
  );
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
