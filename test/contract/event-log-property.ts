import fc from 'fast-check';
import { expect } from 'vitest';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { readAll, record, textOf } from '../support/log-helpers.js';

/** Does random things to a topic's partitions, one partition per run, and compares each answer with a list in memory. */
export async function behavesAsList(log: EventLog, topic: string, runs: number): Promise<void> {
  const at = fc.double({ min: 0, max: 1.1, noNaN: true });
  const append = fc.record({
    do: fc.constant('append' as const),
    count: fc.integer({ min: 1, max: 8 }),
    size: fc.integer({ min: 0, max: 3000 }),
  });
  const truncate = fc.record({ do: fc.constant('truncate' as const), at });
  const read = fc.record({ do: fc.constant('read' as const), at, maxBytes: fc.integer({ min: 1, max: 20_000 }) });
  const operation = fc.oneof({ weight: 4, arbitrary: append }, truncate, { weight: 3, arbitrary: read });
  let partition = -1;
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), async (operations) => {
      partition += 1;
      const model: string[] = [];
      let earliest = 0;
      for (const step of operations) {
        if (step.do === 'append') {
          const batch = Array.from({ length: step.count }, (_, i) => `${model.length + i}`.padEnd(step.size, 'x'));
          const { baseOffset } = await log.append(
            topic,
            partition,
            batch.map((text) => record(text)),
          );
          expect(baseOffset).toBe(model.length);
          model.push(...batch);
        } else if (step.do === 'truncate') {
          const offset = Math.floor(step.at * model.length);
          await log.truncateBefore(topic, partition, offset);
          earliest = Math.max(earliest, Math.min(offset, model.length));
        } else {
          const from = Math.floor(step.at * model.length);
          const result = await log.read(topic, partition, from, step.maxBytes);
          expect(result).toMatchObject({ earliest, highWatermark: model.length });
          expect(result.outcome).toBe(from < earliest ? 'expired' : from > model.length ? 'ahead' : 'ok');
          if (result.outcome !== 'ok') continue;
          expect(result.records.map(textOf)).toEqual(model.slice(from, result.nextOffset));
          if (from < model.length) expect(result.records.length).toBeGreaterThan(0);
        }
        expect(await log.bounds(topic, partition)).toMatchObject({ earliest, highWatermark: model.length });
      }
      const rest = await readAll(log, topic, partition, earliest);
      expect(rest.map(textOf)).toEqual(model.slice(earliest));
    }),
    // Without shrinking each run has a partition of its own.
    { numRuns: runs, endOnFailure: true },
  );
}
