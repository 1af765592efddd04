import { expect, test } from 'vitest';
import { createCommitter } from '../../src/core/offsets/committer.js';
import { offsetPath, writeRecord } from '../../src/core/offsets/records.js';
import { type Clock, systemClock } from '../../src/core/ports/clock.js';
import { openEmbeddedCoordination } from '../../src/drivers/embedded/index.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const subscriber = 'mart';
const topic = 't';
const entry = (partition: number, next: number) => ({
  subscriber,
  topic,
  partition,
  incarnation: 'one',
  generation: 1,
  next,
});

/** A committer for so many partitions, with a clock that stands still and tells how long each pause was to last. */
async function stand(partitions: number) {
  const directory = await temporaryDirectory();
  const coordination = await openEmbeddedCoordination({ directory: directory.path });
  for (let partition = 0; partition < partitions; partition++) {
    const record = { incarnation: 'one', generation: 1, next: 0, owner: 'stream', earlier: [] };
    await coordination.create(offsetPath(subscriber, topic, partition), writeRecord(record));
  }
  const pauses: number[] = [];
  const clock: Clock = { ...systemClock, now: () => 0, sleep: async (ms) => void pauses.push(ms) };
  return {
    committer: createCommitter(coordination, clock),
    pauses,
    async [Symbol.asyncDispose]() {
      await coordination.close();
      await directory.remove();
    },
  };
}

test('one consumer that commits frame by frame hardly waits between its commits', async () => {
  await using bus = await stand(2);
  for (let next = 1; next <= 20; next++) {
    expect(await Promise.all([0, 1].map((each) => bus.committer.commit(entry(each, next))))).toEqual([next, next]);
  }
  await bus.committer.drain();
  expect(Math.max(...bus.pauses)).toBeLessThanOrEqual(2);
});

test('many positions at once are written in rounds that are at most 100 ms apart, the latest of each', async () => {
  const many = 400;
  await using bus = await stand(many);
  const partitions = Array.from({ length: many }, (_, i) => i);
  const commits = [1, 2, 3].flatMap((next) => partitions.map((each) => bus.committer.commit(entry(each, next))));
  await Promise.all(commits);
  await bus.committer.drain();
  expect(Math.max(...bus.pauses)).toBe(100);
  expect(bus.pauses.length).toBeLessThanOrEqual(3);
});
