import { expect, test } from 'vitest';
import type { EventLog, LogTail } from '../../src/core/ports/event-log.js';
import { record, textOf } from '../support/log-helpers.js';
import { type TailCollector, tailCollector } from '../support/tail-collector.js';

interface EpochTests {
  log(): EventLog;
  newTopic(): Promise<string>;
  openTail(collector: TailCollector): LogTail;
}

/** Positions are judged by the epochs that they were taken in. */
export function judgesPositions({ log, newTopic, openTail }: EpochTests): void {
  test('judges a position by the epoch that it was taken in', async () => {
    const topic = await newTopic();
    const { epoch = -1 } = await log().bounds(topic, 0);
    expect(epoch).toBeGreaterThanOrEqual(0);
    for (let i = 0; i < 6; i++) await log().append(topic, 0, [record(`${i}`)]);
    const read = await log().read(topic, 0, 2, 1000);
    expect(read.epoch).toBe(epoch);
    for (const offset of [0, 3, 6]) expect(await log().divergence(topic, 0, offset, epoch)).toBeUndefined();
    // More than was ever there in this epoch: so the log has lost it.
    expect(await log().divergence(topic, 0, 9, epoch)).toBe(6);
    await log().truncateBefore(topic, 0, 4);
    for (const offset of [2, 6]) expect(await log().divergence(topic, 0, offset, epoch)).toBeUndefined();
  });

  test('a tail tells where the log has lost what its position has passed', async () => {
    const topic = await newTopic();
    for (let i = 0; i < 6; i++) await log().append(topic, 0, [record(`${i}`)]);
    const { epoch } = await log().bounds(topic, 0);
    const collector = tailCollector();
    const tail = openTail(collector);
    tail.add(topic, 0, 9, epoch);
    await collector.until(() => collector.of(topic, 0).stopped !== undefined);
    expect(collector.of(topic, 0).stopped).toMatchObject({
      outcome: 'truncated',
      at: 6,
      earliest: 0,
      highWatermark: 6,
    });
    collector.forget(topic, 0);
    tail.add(topic, 0, 4, epoch);
    await collector.until(() => collector.of(topic, 0).nextOffset === 6);
    expect(collector.of(topic, 0).records.map(textOf)).toEqual(['4', '5']);
  });
}
