import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { toDeliveries } from '../../src/core/subscribe/delivery.js';
import { createRing } from '../../src/core/subscribe/ring.js';

test('a ring of large records holds no more than its limit in memory', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const MiB = 1024 * 1024;
  const ring = createRing(0);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (let offset = 0; offset < 200; offset++) {
    const value = new Uint8Array(MiB).fill(48);
    ring.push(toDeliveries(0, [{ offset, timestamp: 0, key: null, value, headers: [] }]), offset + 1);
    ring.trim(2 * MiB);
  }
  collect();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MiB);
  expect(ring.take(199, MiB, 1_000)?.deliveries).toHaveLength(1);
});

test('records that were encoded together keep what was dropped of it in memory only where that is little', () => {
  const held = (limit: number): unknown[] => {
    const ring = createRing(0);
    const records = Array.from({ length: 10 }, (_, offset) => {
      return { offset, timestamp: 0, key: null, value: new Uint8Array(1_000), headers: [] };
    });
    const deliveries = toDeliveries(0, records);
    const [first, second] = [new Uint8Array(7_000), new Uint8Array(3_000)];
    for (const [i, delivery] of deliveries.entries()) {
      const bytes = i < 7 ? first : second;
      delivery.wire = { bytes, from: 0, to: 1_000 };
    }
    ring.push(deliveries, 10);
    ring.trim(limit);
    return (ring.take(ring.start, 1_000_000, 1_000)?.deliveries ?? []).map(({ wire }) => wire?.bytes.length);
  };
  expect(held(8_000)).toEqual([7_000, 7_000, 7_000, 7_000, 3_000, 3_000, 3_000]);
  expect(held(6_000)).toEqual([undefined, undefined, 3_000, 3_000, 3_000]);
});
