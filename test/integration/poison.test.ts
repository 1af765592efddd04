import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { useZooKeeper } from '../cluster/use-cluster.js';
import { type Fleet, openFleet } from '../support/open-fleet.js';
import { type Reader, startReader, untilAll } from '../support/reader.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const servers = await useZooKeeper();
const subscriber = 'mart';
/** Without the pace of a commit timeout, so that frames hold all that there is. */
const command = { topic: 't', subscriber, commitTimeoutMs: 0 };
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);

const pairs: [string, readonly string[] | undefined][] = [
  ['embedded', undefined],
  ['zookeeper', servers],
];

/**
 * A consumer that dies on some values, and is started again and again until it has got `last`. It commits each frame that it survives, so the
 * values before a poisonous one in the same frame are not committed.
 */
async function consume(fleet: Fleet, poison: ReadonlySet<number>, last: number, maxDeliveries: number) {
  const processed: number[] = [];
  const deaths: number[] = [];
  const frames: number[][] = [];
  const instances = [fleet.first, await fleet.open()];
  for (let run = 0; !processed.includes(last); run++) {
    const { subscriptions } = instances[run % 2] ?? fleet.first;
    const call = new AbortController();
    let generation: number | undefined;
    for await (const frame of subscriptions.subscribe({ ...command, maxDeliveries }, call.signal)) {
      if (frame.kind === 'ready' || frame.kind === 'assignment') ({ generation } = frame.assignment);
      if (frame.kind !== 'events') continue;
      const values = frame.deliveries.map(({ record }) => Number(Buffer.from(record.value ?? []).toString()));
      frames.push(values);
      const dies = values.find((value) => poison.has(value));
      processed.push(...values.filter((value) => dies === undefined || value < dies));
      if (dies !== undefined) {
        deaths.push(dies);
        break;
      }
      await subscriptions.commit({ subscriber, cursor: frame.cursor, generation: generation ?? -1 }, never);
      if (processed.includes(last)) break;
    }
    call.abort();
  }
  return { processed: [...new Set(processed)], deaths, frames };
}

const values = ({ got }: Reader) => got.map(({ value }) => value);
const parked = async (fleet: Fleet) =>
  (await fleet.first.subscribers.listParked(subscriber, 100, undefined)).records.map(
    ({ position, attempts, reason }) => ({ offset: position.offset, attempts, reason }),
  );

describe.each(pairs.filter(([name, at]) => name === 'embedded' || at))('on %s', (_, at) => {
  test('an event that kills its consumer is parked after max_deliveries, and only that one', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t', 1);
    await fleet.publish('t', upTo(10));
    const { processed, deaths, frames } = await consume(fleet, new Set([3]), 9, 2);
    expect(processed).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9]);
    // Twice with the others, and once by itself.
    expect(deaths).toEqual([3, 3, 3]);
    expect(frames.findLast((values) => values.includes(3))).toEqual([3]);
    expect(await parked(fleet)).toEqual([
      { offset: 3, attempts: 3, reason: 'sent 3 times and never committed (max_deliveries is 2)' },
    ]);
  });

  test('several such events are all parked, and everything else is processed in order', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t', 1);
    await fleet.publish('t', upTo(12));
    const { processed, deaths } = await consume(fleet, new Set([0, 5, 6]), 11, 1);
    expect(processed).toEqual([1, 2, 3, 4, 7, 8, 9, 10, 11]);
    expect(deaths).toEqual([0, 0, 5, 6]);
    expect((await parked(fleet)).map(({ offset }) => offset)).toEqual([0, 5, 6]);
    // The window of suspects is over: events come together again.
    await fleet.publish('t', upTo(5, 12));
    const next = startReader(fleet.first.subscriptions, { ...command, maxDeliveries: 1 });
    await next.until(({ got }) => got.length === 5);
    next.close();
  });

  test('a consumer that is started anew often, but commits in between, is never slowed down', async () => {
    await using fleet = await openFleet(at);
    const { incarnation } = await fleet.create('t', 1);
    await fleet.publish('t', upTo(6));
    for (let run = 0; run < 6; run++) {
      const reader = startReader(fleet.first.subscriptions, { ...command, maxDeliveries: 2 });
      await reader.until(({ got }) => got.length === 6 - run);
      expect(reader.frames.filter(({ kind }) => kind === 'events')).toHaveLength(1);
      const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[0, run + 1]] }]);
      const { generation = -1 } = reader.position ?? {};
      await fleet.first.subscriptions.commit({ subscriber, cursor, generation }, never);
      reader.close();
      await reader.until(({ over }) => over !== undefined);
    }
    expect(await parked(fleet)).toEqual([]);
  });

  test('a reset forgets the attempts', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t', 1);
    await fleet.publish('t', upTo(4));
    const counting = { ...command, maxDeliveries: 1 };
    const together = startReader(fleet.first.subscriptions, counting);
    await together.until(({ got }) => got.length === 4);
    together.close();
    await together.until(({ over }) => over !== undefined);
    const alone = startReader(fleet.first.subscriptions, counting);
    await alone.until(({ got }) => got.length === 1);
    alone.close();
    await fleet.first.subscribers.reset({
      subscriber,
      topic: 't',
      partitions: [],
      to: { at: 'earliest' },
      dryRun: false,
      force: true,
    });
    const again = startReader(fleet.first.subscriptions, counting);
    await again.until(({ got }) => got.length === 4);
    again.close();
    expect(await parked(fleet)).toEqual([]);
  });

  test('with park_key_sequence later events of a parked key wait, also until what was redriven is committed', async () => {
    await using fleet = await openFleet(at);
    const b = await fleet.open();
    await fleet.create('t', 1);
    const publish = (...events: [key: string, value: number][]) =>
      b.publisher.publish(
        {
          topic: 't',
          mode: 'all_or_nothing',
          events: events.map(([key, value]) => ({ payload: Buffer.from(`${value}`), key: Buffer.from(key) })),
        },
        never,
      );
    const inSequence = { ...command, parkKeySequence: true };
    const reader = startReader(fleet.first.subscriptions, inSequence);
    const commit = ({ position }: Reader) =>
      position && b.subscriptions.commit({ subscriber, ...position }, never).then(() => undefined);
    const park = (offset: number, { position }: Reader) => {
      const record = { subscriber, topic: 't', partition: 0, reason: 'no', attempts: 1 };
      return b.subscribers.park({ ...record, offset, generation: position?.generation ?? -1 }, never);
    };
    await publish(['a', 1], ['b', 2]);
    await reader.until(() => values(reader).length === 2);
    await park(0, reader);
    await publish(['a', 3], ['b', 4], ['a', 5], ['b', 6]);
    await commit(reader);
    await reader.until(() => values(reader).includes(6));
    expect(values(reader)).toEqual([1, 2, 4, 6]);
    expect(await parked(fleet)).toMatchObject([
      { offset: 0, reason: 'no', attempts: 1 },
      { offset: 2, reason: expect.stringContaining('an earlier event of its key is parked'), attempts: 0 },
      { offset: 4, attempts: 0 },
    ]);
    await commit(reader);

    expect(await b.subscribers.redrive(subscriber, 'all')).toBe(3);
    await reader.until(() => values(reader).length === 7);
    expect(values(reader).slice(4)).toEqual([1, 3, 5]);
    await commit(reader);
    expect(await parked(fleet)).toEqual([]);

    // Another stream takes the redrive topic or the topic itself: what the one has not committed the other one waits for.
    const other = startReader(b.subscriptions, inSequence);
    const both = [reader, other] as const;
    await untilAll(both, () => both.every(({ owned }) => owned.length === 1));
    const [main, redrive] = reader.owned[0] === 't/0' ? both : [other, reader];
    await publish(['a', 7]);
    await main.until(() => values(main).includes(7));
    await park(6, main);
    expect(await b.subscribers.redrive(subscriber, 'all')).toBe(1);
    await redrive.until(() => values(redrive).at(-1) === 7);
    await publish(['a', 8], ['b', 9]);
    await main.until(() => values(main).includes(9));
    await commit(main);
    expect(values(main)).not.toContain(8);
    expect(await parked(fleet)).toMatchObject([{ offset: 7, attempts: 0 }]);
    await commit(redrive);
    expect(await b.subscribers.redrive(subscriber, 'all')).toBe(1);
    await redrive.until(() => values(redrive).at(-1) === 8);
    await commit(redrive);
    await publish(['a', 10]);
    await main.until(() => values(main).includes(10));
    expect(await parked(fleet)).toEqual([]);
    for (const each of both) each.close();
  });

  test('max_deliveries has bounds, and needs the client to commit', async () => {
    await using fleet = await openFleet(at);
    await fleet.create('t', 1);
    const first = (command: SubscribeCommand) =>
      reasonOf(fleet.first.subscriptions.subscribe(command, never)[Symbol.asyncIterator]().next());
    expect(await first({ ...command, maxDeliveries: 1_001 })).toBe('INVALID_REQUEST');
    expect(await first({ ...command, maxDeliveries: 0 })).toBe('INVALID_REQUEST');
    expect(await first({ ...command, maxDeliveries: 3, commitMode: 'on_delivery' })).toBe('INVALID_REQUEST');
    expect(await first({ topic: 't', parkKeySequence: true })).toBe('INVALID_REQUEST');
  });
});
