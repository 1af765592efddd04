import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';
import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { openFleet } from '../support/open-fleet.js';
import { startReader, untilAll } from '../support/reader.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const mart = { topic: 't', subscriber: 'mart' } as const;

async function nextIn(coordination: { get(path: readonly string[]): Promise<{ value: Uint8Array } | undefined> }) {
  const entry = await coordination.get(['subscribers', 'mart', 'offsets', 't', '0']);
  return Number(JSON.parse(Buffer.from(entry?.value ?? '{}').toString()).next);
}

const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (_, at) => {
  test('max_uncommitted: delivery pauses there, heartbeats go on, and a commit at another instance lets it go on', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    const { incarnation } = await fleet.create('t');
    await fleet.publish('t', upTo(100));
    const reader = startReader(fleet.first.subscriptions, { ...mart, maxUncommitted: 10, heartbeatMs: 1_000 });
    // A heartbeat comes when there is nothing else to send.
    await reader.until(({ frames }) => frames.some(({ kind }) => kind === 'heartbeat'));
    expect(reader.got.map(({ value }) => value)).toEqual(upTo(10));
    const generation = reader.assignment?.generation ?? 0;
    const commit = (next: number) => {
      const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[0, next]] }]);
      return b.subscriptions.commit({ subscriber: 'mart', cursor, generation }, never);
    };
    for (let next = 10; next < 100; next += 10) {
      await commit(next);
      await reader.until(({ got }) => got.length >= next + 10);
      expect(reader.got).toHaveLength(next + 10);
    }
    expect(reader.got.map(({ value }) => value)).toEqual(upTo(100));
    reader.close();
  });

  test('max_uncommitted counts records: each one that is committed lets one more come, also within a frame', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    const { incarnation } = await fleet.create('t');
    await fleet.publish('t', upTo(15));
    // Without a timeout a frame is as long as there is room.
    const command: SubscribeCommand = { ...mart, maxUncommitted: 5, commitTimeoutMs: 0, heartbeatMs: 1_000 };
    const reader = startReader(fleet.first.subscriptions, command);
    const generation = () => reader.assignment?.generation ?? 0;
    const beats = () => reader.frames.filter(({ kind }) => kind === 'heartbeat').length;
    /** A heartbeat comes when nothing else may be sent. */
    const settled = async () => {
      const before = beats();
      await reader.until(() => beats() > before);
      return reader.got.length;
    };
    const commit = (bus: typeof b, nextOffset: number) =>
      bus.subscriptions.commit(
        {
          subscriber: 'mart',
          positions: [{ topic: 't', incarnation, partition: 0, nextOffset }],
          generation: generation(),
        },
        never,
      );
    expect(await settled()).toBe(5);
    await commit(fleet.first, 5);
    expect(await settled()).toBe(10);
    await commit(fleet.first, 7);
    expect(await settled()).toBe(12);
    await commit(b, 8);
    expect(await settled()).toBe(13);
    reader.close();
  });

  test('max_uncommitted_bytes: the same by size; a record is sent whole', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t');
    await fleet.publish('t', upTo(2));
    const { subscriptions } = fleet.first;
    const reader = startReader(subscriptions, { ...mart, maxUncommittedBytes: 1, heartbeatMs: 1_000 });
    await reader.until(({ frames }) => frames.some(({ kind }) => kind === 'heartbeat'));
    const before = reader.got.length;
    expect(before).toBeGreaterThanOrEqual(1);
    await fleet.publish('t', upTo(3, 2));
    const beats = () => reader.frames.filter(({ kind }) => kind === 'heartbeat').length;
    const seen = beats();
    await reader.until(() => beats() > seen);
    expect(reader.got).toHaveLength(before);
    await subscriptions.commit({ subscriber: 'mart', cursor: '', generation: 0, ...reader.position }, never);
    await reader.until(({ got }) => got.length > before);
    reader.close();
  });

  test('commit_timeout: who neither commits nor reads loses the partition, but only when somebody waits', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t');
    await fleet.publish('t', upTo(5));
    const command: SubscribeCommand = { ...mart, commitTimeoutMs: 1_000, heartbeatMs: 1_000 };
    const idle = startReader(fleet.first.subscriptions, command);
    await idle.until(({ got }) => got.length === 5);
    // Alone it keeps what it has, however long it is idle.
    const beats = () => idle.frames.filter(({ kind }) => kind === 'heartbeat').length;
    await idle.until(() => beats() >= 3);
    expect(idle.owned).toEqual(['t/0']);
    const stale = idle.position;
    const other = startReader(
      b.subscriptions,
      { ...command, commitTimeoutMs: undefined },
      { commitAt: b.subscriptions },
    );
    await other.until(({ owned }) => owned.length === 1);
    expect(other.got.map(({ value }) => value)).toEqual([]);
    await other.until(({ got }) => got.length === 5);
    await idle.until(({ owned }) => owned.length === 0);
    expect(idle.assignment).toMatchObject({ waiting: true });
    const late = b.subscriptions.commit({ subscriber: 'mart', cursor: '', generation: 0, ...stale }, never);
    expect(
      await late.then(
        () => 'committed',
        (error: unknown) => BusError.from(error).reason,
      ),
    ).toBe('FENCED');
    // It is not sent away: it takes over when the other one goes.
    other.close();
    await idle.until(({ owned }) => owned.length === 1);
    idle.close();
  });

  test('a client that does not read at all loses the partition too', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t');
    await fleet.publish('t', upTo(5));
    const idle = startReader(fleet.first.subscriptions, { ...mart, commitTimeoutMs: 1_000 });
    const resume = idle.pause();
    // Its first frame says what it owns, and is the last one that it reads.
    await idle.until(({ frames }) => frames.length > 0);
    expect(idle.owned).toEqual(['t/0']);
    const other = startReader(b.subscriptions, mart, { commitAt: b.subscriptions });
    await other.until(({ owned }) => owned.length === 1);
    await other.until(({ got }) => got.length === 5);
    resume();
    await idle.until(({ owned }) => owned.length === 0);
    await fleet.publish('t', upTo(5, 5));
    await other.until(({ got }) => got.length === 10);
    idle.close();
    other.close();
  });

  test('on_delivery: what was handed over is committed by itself', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t');
    await fleet.publish('t', upTo(20));
    const { subscriptions, coordination } = fleet.first;
    const first = startReader(subscriptions, { ...mart, commitMode: 'on_delivery', limit: 20 });
    await first.until(({ over }) => over === 'end');
    expect(await nextIn(coordination)).toBe(20);
    await fleet.publish('t', upTo(5, 20));
    const second = startReader(subscriptions, { ...mart, commitMode: 'on_delivery', follow: false });
    await second.until(({ over }) => over === 'end');
    expect(second.got.map(({ value }) => value)).toEqual(upTo(5, 20));
  });

  test('before_delivery: what was sent is committed already, so that nothing comes twice whatever happens', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 3);
    const command: SubscribeCommand = { ...mart, commitMode: 'before_delivery' };
    const readers = [startReader(b.subscriptions, command)];
    await readers[0]?.until(({ owned }) => owned.length === 3);
    await fleet.publish('t', upTo(30));
    await readers[0]?.until(({ got }) => got.length > 0);
    await b.kill();
    const after = startReader(fleet.first.subscriptions, command);
    readers.push(after);
    await after.until(({ owned }) => owned.length === 3);
    await fleet.publish('t', upTo(30, 100));
    await after.until(({ got }) => got.filter(({ value }) => value >= 100).length === 30);
    const values = readers.flatMap(({ got }) => got.map(({ value }) => value));
    expect(new Set(values).size).toBe(values.length);
    after.close();
  });

  test('several streams under before_delivery share without repeating anything', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 4);
    const command: SubscribeCommand = { ...mart, commitMode: 'before_delivery' };
    const readers = [startReader(fleet.first.subscriptions, command)];
    await fleet.publish('t', upTo(50));
    readers.push(startReader(b.subscriptions, command));
    await fleet.publish('t', upTo(50, 50));
    const values = () => readers.flatMap(({ got }) => got.map(({ value }) => value));
    await untilAll(readers, () => values().length === 100);
    expect(values().sort((x, y) => x - y)).toEqual(upTo(100));
    for (const reader of readers) reader.close();
  });
});

test('what needs a subscriber, and what makes no sense, is refused by name', async () => {
  await using fleet = await openFleet();
  await fleet.create('t');
  const refusal = async (command: SubscribeCommand) => {
    const frames = fleet.first.subscriptions.subscribe(command, never)[Symbol.asyncIterator]();
    return frames.next().then(
      () => 'no error',
      (error: unknown) => `${BusError.from(error).reason}: ${BusError.from(error).message}`,
    );
  };
  for (const [field, part] of [
    ['max_uncommitted', { maxUncommitted: 1 }],
    ['max_uncommitted_bytes', { maxUncommittedBytes: 1 }],
    ['commit_timeout', { commitTimeoutMs: 5_000 }],
    ['commit_mode', { commitMode: 'on_delivery' }],
  ] as const) {
    expect(await refusal({ topic: 't', ...part })).toMatch(new RegExp(`^INVALID_REQUEST: ${field} needs a subscriber`));
  }
  for (const part of [
    { maxUncommitted: 0 },
    { maxUncommittedBytes: -1 },
    { commitTimeoutMs: 999 },
    { commitTimeoutMs: 3_600_001 },
  ]) {
    expect(await refusal({ ...mart, ...part })).toMatch(/^INVALID_REQUEST/);
  }
  for (const part of [
    {},
    { topic: 't', topics: ['t'] },
    { topics: [] },
    { topics: ['t', 't'] },
    { pattern: '' },
    { pattern: 'a b' },
  ]) {
    expect(await refusal({ subscriber: 'mart', ...part })).toMatch(/^INVALID_REQUEST/);
  }
  expect(await refusal({ topics: Array.from({ length: 101 }, (_, i) => `t${i}`) })).toMatch(/^INVALID_REQUEST/);
});
