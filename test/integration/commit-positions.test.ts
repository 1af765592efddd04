import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import type { CommitCommand } from '../../src/core/subscribe/frames.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { type Fleet, openFleet } from '../support/open-fleet.js';
import { startReader } from '../support/reader.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const mart = { topic: 't', subscriber: 'mart' } as const;

const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

const commit = (fleet: Fleet, command: Omit<CommitCommand, 'subscriber'>) =>
  fleet.first.subscriptions.commit({ subscriber: 'mart', ...command }, never);

/** A stream that has been sent everything, its generation, and the incarnation of its topic. */
async function reading(fleet: Fleet, count: number) {
  const reader = startReader(fleet.first.subscriptions, mart);
  await reader.until(({ got }) => got.length >= count);
  const generation = reader.assignment?.generation ?? 0;
  return { reader, generation, incarnation: reader.assignment?.topics[0]?.incarnation ?? '' };
}

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (_, at) => {
  test('every frame says the incarnation of its topic, which a topic created again does not share', async () => {
    await using fleet = await openFleet(at);
    const { incarnation } = await fleet.create('t');
    await fleet.publish('t', upTo(3));
    const first = await reading(fleet, 3);
    expect(first.incarnation).toBe(incarnation);
    expect(first.reader.assignment).toMatchObject({ topic: 't', incarnation });
    expect(first.reader.frames.find(({ kind }) => kind === 'events')).toMatchObject({ topic: 't', incarnation });
    await commit(fleet, {
      positions: [{ topic: 't', incarnation, partition: 0, nextOffset: 2 }],
      generation: first.generation,
    });
    await fleet.first.topics.delete('t');
    await first.reader.until(({ over }) => over !== undefined);
    const created = await fleet.create('t');
    expect(created.incarnation).not.toBe(incarnation);
    await fleet.publish('t', upTo(3));
    const second = await reading(fleet, 3);
    const gap = second.reader.frames.find(({ kind }) => kind === 'gap');
    expect(gap).toMatchObject({ reason: 'topic_recreated', incarnation: created.incarnation });
    const stale = { topic: 't', incarnation, partition: 0, nextOffset: 3 };
    const { generation } = second;
    expect(await reasonOf(commit(fleet, { positions: [stale], generation }))).toBe('CURSOR_STALE_TOPIC');
    second.reader.close();
  });

  test('positions beside a cursor: the further one counts, whichever says it', async () => {
    await using fleet = await openFleet(at);
    const { incarnation } = await fleet.create('t', 3);
    await fleet.publish('t', upTo(60));
    const { reader, generation } = await reading(fleet, 60);
    const next = (partition: number, nextOffset: number) => ({ topic: 't', incarnation, partition, nextOffset });
    const cursor = encodeCursor([
      {
        topic: 't',
        incarnation,
        positions: [
          [0, 5],
          [1, 2],
        ],
      },
    ]);
    const committed = await commit(fleet, {
      cursor,
      positions: [next(0, 3), next(1, 4), next(2, 1), next(2, 6)],
      generation,
    });
    expect(committed.map(({ partition, nextOffset }) => [partition, nextOffset])).toEqual([
      [0, 5],
      [1, 4],
      [2, 6],
    ]);
    // Forward only, partition by partition.
    expect(await commit(fleet, { positions: [next(0, 1)], generation })).toMatchObject([{ nextOffset: 5 }]);
    reader.close();
  });

  test('a position that cannot be committed says why, and keeps the others from nothing', async () => {
    await using fleet = await openFleet(at);
    const { incarnation } = await fleet.create('t', 2);
    await fleet.publish('t', upTo(40));
    const { reader, generation } = await reading(fleet, 40);
    const good = { topic: 't', incarnation, partition: 0, nextOffset: 4 };
    const bad: [string, object][] = [
      ['INVALID_REQUEST', { partition: 2 }],
      ['INVALID_REQUEST', { partition: -1 }],
      ['INVALID_REQUEST', { incarnation: '' }],
      ['INVALID_REQUEST', { nextOffset: 1.5 }],
      ['CURSOR_STALE_TOPIC', { incarnation: 'another life' }],
      ['CURSOR_AHEAD', { nextOffset: 1_000 }],
      ['TOPIC_NOT_FOUND', { topic: 'nowhere' }],
    ];
    for (const [reason, change] of bad) {
      const positions = [{ ...good, ...change }];
      expect([await reasonOf(commit(fleet, { positions, generation })), change]).toEqual([reason, change]);
    }
    expect(await reasonOf(commit(fleet, { generation }))).toBe('INVALID_REQUEST');
    expect(await reasonOf(commit(fleet, { positions: Array(10_001).fill(good), generation }))).toBe('INVALID_REQUEST');
    expect(await reasonOf(commit(fleet, { positions: [good], generation: generation + 1 }))).toBe('FENCED');

    // Another stream takes one of the two partitions: a commit of both moves only the one that is still this stream's.
    const other = startReader(fleet.first.subscriptions, mart);
    await other.until(({ owned }) => owned.length === 1);
    await reader.until(({ owned }) => owned.length === 1);
    const both = [0, 1].map((partition) => ({ ...good, partition }));
    expect(await reasonOf(commit(fleet, { positions: both, generation }))).toBe('FENCED');
    const mine = Number(reader.owned[0]?.split('/')[1]);
    const { positions } = await fleet.first.subscribers.get('mart');
    expect(positions.map(({ partition, next }) => [partition, next])).toEqual(
      [0, 1].map((partition) => [partition, partition === mine ? 4 : 0]),
    );
    reader.close();
    other.close();
  });
});
