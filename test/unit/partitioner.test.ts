import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { murmur2 } from '../../src/core/publish/murmur2.js';
import { partitionOf } from '../../src/core/publish/partitioner.js';

const theirs: (key: Buffer) => number = createRequire(import.meta.url)(
  'kafkajs/src/producer/partitioners/default/murmur2.js',
);

test('hashes as the Java client does (vectors of its own tests)', () => {
  expect(murmur2(Buffer.from('21'))).toBe(-973932308);
  expect(murmur2(Buffer.from('foobar'))).toBe(-790332482);
  expect(murmur2(Buffer.from('a-little-bit-long-string'))).toBe(-985981536);
  expect(murmur2(Buffer.from('abc'))).toBe(479470107);
});

test('hashes any bytes as another implementation does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (key) => {
      expect(murmur2(key)).toBe(theirs(Buffer.from(key)));
    }),
  );
});

test('a key stays in its partition, and all partitions are used', () => {
  const used = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const partition = partitionOf(Buffer.from(`key-${i}`), 7);
    expect(partitionOf(Buffer.from(`key-${i}`), 7)).toBe(partition);
    used.add(partition);
  }
  expect([...used].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});
