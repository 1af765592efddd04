import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPartitionSequences } from '../../src/drivers/kafka/partition-sequences.js';
import type { Producer, ProducerIdentity } from '../../src/drivers/kafka/producer-identity.js';

/** Gives ids 1, 2, 3 … */
function identity(firstEpoch = 0): ProducerIdentity & { readonly given: number[] } {
  const given: number[] = [];
  let current: Producer | undefined;
  return {
    given,
    async current() {
      if (current === undefined) {
        given.push(given.length + 1);
        current = { id: Uint8Array.of(given.length), firstEpoch };
      }
      return current;
    },
    retire(producer) {
      if (current === producer) current = undefined;
    },
  };
}

test('a sequence goes on while batches are stored, and starts in a new epoch when one is not', async () => {
  const sequences = createPartitionSequences(identity());
  const next = async (records = 3) => {
    const { producerId, epoch, sequence } = await sequences.next('t', 0, records);
    return [producerId[0], epoch, sequence];
  };
  expect(await next()).toEqual([1, 0, 0]);
  sequences.stored('t', 0, 3);
  expect(await next()).toEqual([1, 0, 3]);
  expect(await next()).toEqual([1, 0, 3]);
  sequences.restart('t', 0);
  expect(await next()).toEqual([1, 1, 0]);
  sequences.stored('t', 0, 2 ** 31 - 2);
  // The next three would be numbered beyond the largest sequence.
  expect(await next()).toEqual([1, 2, 0]);
  sequences.renew('t', 0);
  expect(await next()).toEqual([2, 0, 0]);
});

test('a new id comes only after the last epoch, and other partitions keep theirs', async () => {
  const ids = identity(32_766);
  const sequences = createPartitionSequences(ids);
  expect(await sequences.next('t', 0, 1)).toMatchObject({ epoch: 32_766 });
  await sequences.next('t', 1, 1);
  sequences.restart('t', 0);
  expect(await sequences.next('t', 0, 1)).toMatchObject({ epoch: 32_767, sequence: 0 });
  expect(ids.given).toEqual([1]);
  sequences.restart('t', 0);
  expect(await sequences.next('t', 0, 1)).toMatchObject({ producerId: Uint8Array.of(2), sequence: 0 });
  expect(await sequences.next('t', 1, 1)).toMatchObject({ producerId: Uint8Array.of(1), epoch: 32_766 });
  expect(ids.given).toEqual([1, 2]);
});

type Step = readonly [act: 'stored' | 'failed' | 'unsent' | 'renew' | 'forget', topic: string, partition: number];

test('whatever happens, what was sent once is never the stamp of something else', async () => {
  const steps = fc.array(
    fc.tuple(
      fc.constantFrom<Step[0]>('stored', 'stored', 'failed', 'unsent', 'renew', 'forget'),
      fc.constantFrom('a', 'b', 'ab'),
      fc.nat({ max: 2 }),
    ),
    { maxLength: 80 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(0, 32_760), async (list: Step[], firstEpoch) => {
      // Few are remembered, so that partitions are forgotten all the time.
      const sequences = createPartitionSequences(identity(firstEpoch), 3);
      const sent = new Set<string>();
      for (const [act, topic, partition] of list) {
        const { producerId, epoch, sequence } = await sequences.next(topic, partition, 1);
        expect(epoch).toBeLessThanOrEqual(32_767);
        const stamp = `${topic}/${partition} ${producerId} ${epoch} ${sequence}`;
        if (act !== 'unsent') {
          expect(sent).not.toContain(stamp);
          sent.add(stamp);
        }
        if (act === 'stored') sequences.stored(topic, partition, 1);
        else if (act === 'failed') sequences.restart(topic, partition);
        else if (act === 'renew') sequences.renew(topic, partition);
        else if (act === 'forget') {
          sequences.restart(topic, partition);
          sequences.forget(topic);
        }
      }
    }),
  );
});
