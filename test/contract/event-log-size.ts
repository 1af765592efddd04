import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { record } from '../support/log-helpers.js';

/** The part of the contract that is about how much a topic takes. */
export function tellsSizes(
  opened: () => EventLog,
  newTopic: (settings: { readonly partitions: number }) => Promise<string>,
): void {
  test('is told for each partition, grows with what is appended, and survives', async () => {
    const log = opened();
    const topic = await newTopic({ partitions: 3 });
    expect(await log.size(topic)).toEqual([0, 0, 0]);
    // Nothing that could be compressed to less.
    const noise = () => record(randomBytes(30_000).toString('latin1'));
    await log.append(topic, 1, [noise(), noise()]);
    const [first, second = 0, third] = await log.size(topic);
    expect([first, third]).toEqual([0, 0]);
    expect(second).toBeGreaterThanOrEqual(60_000);
    expect(second).toBeLessThan(200_000);
    await log.append(topic, 1, [noise()]);
    const grown = await log.size(topic);
    expect(grown[1]).toBeGreaterThanOrEqual(second + 30_000);
    await log.updateTopic(topic, { partitions: 4 });
    await log.truncateBefore(topic, 0, 0);
    expect(await log.size(topic)).toEqual([...grown, 0]);
  });
}
