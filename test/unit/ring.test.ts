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
  expect(ring.take(199, MiB)?.deliveries).toHaveLength(1);
});
