import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { crc32c } from '../../src/drivers/kafka/protocol/crc32c.js';
import { tableCrc32c } from '../../src/drivers/kafka/protocol/crc32c-tables.js';

// RFC 3720, B.4, and the customary check value.
const known: readonly (readonly [Buffer, number])[] = [
  [Buffer.from('123456789'), 0xe3069283],
  [Buffer.alloc(32), 0x8a9136aa],
  [Buffer.alloc(32, 0xff), 0x62a8ab43],
  [Buffer.alloc(0), 0],
];

afterEach(() => {
  vi.doUnmock('@node-rs/crc32');
  vi.resetModules();
});

describe('crc32c', () => {
  test.each([
    ['native', crc32c],
    ['by tables', tableCrc32c],
  ])('%s, has the known values', (_name, checksum) => {
    for (const [bytes, sum] of known) expect(checksum(bytes)).toBe(sum);
  });

  test('is the same either way, for parts of a buffer too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 20 }), (bytes, start) => {
        const part = Buffer.from(bytes).subarray(start);
        expect(tableCrc32c(part)).toBe(crc32c(part));
      }),
    );
  });

  test('goes by tables where there is no native build', async () => {
    vi.resetModules();
    vi.doMock('@node-rs/crc32', () => {
      throw new Error('Cannot find native binding');
    });
    const without = await import('../../src/drivers/kafka/protocol/crc32c.js');
    expect(without.crc32c.name).toBe('tableCrc32c');
    expect(without.crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});
