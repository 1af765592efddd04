import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/core/subscribe/frames.js';
import { createUncommitted } from '../../src/core/subscribe/uncommitted.js';

const delivery = (partition: number, offset: number, bytes = 10): Delivery => ({
  partition,
  kind: 'json',
  schemaVersion: undefined,
  bytes,
  record: { offset, timestamp: 0, key: null, value: null, headers: [] },
});
const keyOf = (partition: number) => `t/${partition}`;
const exact = { countsBytes: true, isExact: true };

/** What an honest list of records would say. */
function model() {
  let left: Delivery[] = [];
  return {
    sent: (deliveries: Delivery[]) => left.push(...deliveries),
    committed(partition: number, next: number) {
      const before = left.length;
      left = left.filter((each) => each.partition !== partition || each.record.offset >= next);
      return before - left.length;
    },
    records: () => left.length,
    bytes: () => left.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const frame = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 }), fc.integer({ min: 1, max: 99 })), {
  minLength: 1,
  maxLength: 12,
});
const step = fc.oneof(
  fc.record({ kind: fc.constant('sent' as const), frame }),
  fc.record({ kind: fc.constant('commit' as const), partition: fc.nat({ max: 2 }), next: fc.nat({ max: 60 }) }),
);

test.each([
  ['with bytes', exact],
  ['without', { countsBytes: false, isExact: true }],
])('every record counts for itself, whatever frames and holes there are: %s', (_, options) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const uncommitted = createUncommitted(options);
      const wanted = model();
      const next = [0, 0, 0];
      for (const each of steps) {
        if (each.kind === 'sent') {
          const deliveries = each.frame
            .toSorted(([a], [b]) => a - b)
            .map(([partition, hole, bytes]) => {
              const offset = (next[partition] ?? 0) + hole;
              next[partition] = offset + 1;
              return delivery(partition, offset, bytes);
            });
          uncommitted.sent(deliveries, keyOf);
          wanted.sent(deliveries);
        } else {
          const released = uncommitted.committed(keyOf(each.partition), each.next);
          expect(released).toBe(wanted.committed(each.partition, each.next));
        }
        expect(uncommitted.records).toBe(wanted.records());
        if (options.countsBytes) expect(uncommitted.bytes).toBe(wanted.bytes());
      }
      uncommitted.keep(() => false);
      expect([uncommitted.records, uncommitted.bytes]).toEqual([0, 0]);
    }),
    { numRuns: 500 },
  );
});

test('a consumer that never commits costs a bounded number of runs, and the end still releases everything', () => {
  const uncommitted = createUncommitted(exact);
  const before = process.memoryUsage().heapUsed;
  const frames = 100_000;
  // Every second offset is a hole, so that no run continues the one before.
  for (let i = 0; i < frames; i++) uncommitted.sent([delivery(0, i * 4), delivery(0, i * 4 + 2)], keyOf);
  expect(uncommitted.records).toBe(2 * frames);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024);
  const half = uncommitted.committed(keyOf(0), frames * 2);
  expect(half).toBeGreaterThan(frames * 0.98);
  expect(half).toBeLessThan(frames * 1.02);
  expect(uncommitted.committed(keyOf(0), frames * 4)).toBe(2 * frames - half);
  expect([uncommitted.records, uncommitted.bytes]).toEqual([0, 0]);
});
