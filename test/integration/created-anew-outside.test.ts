import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type OutsideStand, outsidePairs } from '../support/changed-outside.js';
import { openStream } from '../support/frames.js';
import { openBusOn, type TestBus } from '../support/open-bus.js';
import { until } from '../support/wait.js';

const never = new AbortController().signal;
const schema = JSON.stringify({ type: 'integer' });
const pairs = await outsidePairs();

async function openInstance(stand: OutsideStand): Promise<TestBus & { cutOff(): void }> {
  const drivers = await stand.open();
  return Object.assign(await openBusOn(drivers), { cutOff: drivers.cutOff });
}

async function publish(bus: TestBus, topic: string, values: readonly unknown[]): Promise<number[]> {
  const events = values.map((value) => ({ payload: Buffer.from(JSON.stringify(value)) }));
  const results = await bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
  return results.map((result) => (result.status === 'stored' ? result.offset : -1));
}

/** As a publisher does that is told to try again. */
const publishInTheEnd = (bus: TestBus, topic: string, values: readonly unknown[]) =>
  until(() => publish(bus, topic, values), { what: 'the events to be stored', everyMs: 50 });

async function createTopic(bus: TestBus): Promise<string> {
  const name = `anew-${randomUUID().slice(0, 8)}`;
  await bus.topics.create({ name, settings: { dedupeEntries: 5_000 }, schema, adopt: false });
  return name;
}

/** With the tools of the log: nobody tells the bus. */
async function createAnew(stand: OutsideStand, topic: string): Promise<void> {
  await stand.delete(topic);
  await stand.create(topic, 1);
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

describe.each(pairs)(
  'a topic that is deleted and created anew outside the bus: $name',
  { timeout: 60_000 },
  ({ start }) => {
    // The new topic is longer than the old one, of the same length, and shorter.
    test.each([12, 8, 3])(
      'refuses old cursors, and starts subscribers at its beginning, with %i new events',
      async (count) => {
        await using stand = await start();
        await using bus = await openInstance(stand);
        const topic = await createTopic(bus);
        const before = await bus.topics.require(topic);
        await publish(bus, topic, numbers(8));
        const plain = openStream(bus.subscriptions, { topic, from: { at: 'earliest' }, follow: false });
        const { cursor = '' } = (await plain.records(8)).at(-1) ?? {};
        const first = openStream(bus.subscriptions, { topic, subscriber: 's', from: { at: 'earliest' } });
        const { generation = -1 } = (await first.expect('ready')).assignment;
        const committed = (await first.records(8)).at(-1)?.cursor ?? '';
        await bus.subscriptions.commit({ subscriber: 's', cursor: committed, generation }, never);
        first.close();

        await createAnew(stand, topic);
        expect(await publishInTheEnd(bus, topic, numbers(count, 100))).toEqual(numbers(count));

        const stale = openStream(bus.subscriptions, { topic, from: { at: 'cursor', cursor } });
        await expect(stale.next()).rejects.toMatchObject({ reason: 'CURSOR_STALE_TOPIC' });
        const again = openStream(bus.subscriptions, { topic, subscriber: 's' });
        await again.expect('ready');
        const records = await again.records(count);
        expect(records.map(({ text }) => Number(text))).toEqual(numbers(count, 100));
        expect(again.others).toMatchObject([{ kind: 'gap', from: 8, to: 0, reason: 'topic_recreated' }]);
        again.close();

        const after = await bus.topics.require(topic);
        expect(after.incarnation).not.toBe(before.incarnation);
        expect(after.settings).toMatchObject({ dedupeEntries: 5_000, schemaless: false });
        await expect(publish(bus, topic, ['no number'])).rejects.toMatchObject({ reason: 'SCHEMA_VIOLATION' });
      },
    );

    test('ends running streams of it, and is followed by those of a pattern', async () => {
      await using stand = await start();
      await using bus = await openInstance(stand);
      const topic = await createTopic(bus);
      await publish(bus, topic, numbers(5));
      const named = openStream(bus.subscriptions, { topic, from: { at: 'earliest' } });
      const durable = openStream(bus.subscriptions, { topic, subscriber: 's', from: { at: 'earliest' } });
      const matching = openStream(bus.subscriptions, { pattern: topic, from: { at: 'earliest' } });
      for (const stream of [named, durable, matching]) expect(await stream.records(5)).toHaveLength(5);

      await createAnew(stand, topic);
      for (const stream of [named, durable]) {
        await expect(stream.records(1)).rejects.toMatchObject({ reason: 'TOPIC_DELETED' });
      }
      await publishInTheEnd(bus, topic, numbers(7, 100));
      expect((await matching.records(7)).map(({ text }) => Number(text))).toEqual(numbers(7, 100));
      matching.close();
    });

    test('is recognised by an instance that starts later, and taken over by one instance only', async () => {
      await using stand = await start();
      let cursor = '';
      let topic = '';
      {
        await using bus = await openInstance(stand);
        topic = await createTopic(bus);
        await publish(bus, topic, numbers(8));
        const plain = openStream(bus.subscriptions, { topic, from: { at: 'earliest' }, follow: false });
        cursor = (await plain.records(8)).at(-1)?.cursor ?? '';
      }
      await createAnew(stand, topic);
      await using one = await openInstance(stand);
      await using two = await openInstance(stand);
      const starts = [one, two].map((bus) => {
        const stream = openStream(bus.subscriptions, { topic, from: { at: 'cursor', cursor } });
        return stream.next().catch((error: unknown) => error);
      });
      for (const answer of starts) expect(await answer).toMatchObject({ reason: 'CURSOR_STALE_TOPIC' });
      const lives = await Promise.all([one, two].map((bus) => bus.topics.refresh(topic)));
      expect(lives[0]?.incarnation).toBe(lives[1]?.incarnation);
    });

    test('takes nothing from an instance that is cut off from coordination, and knows another schema', async () => {
      await using stand = await start();
      await using first = await openInstance(stand);
      await using second = await openInstance(stand);
      const topic = await createTopic(first);
      await publish(first, topic, numbers(3));
      const { logId } = await second.topics.require(topic);
      await publish(second, topic, numbers(3));

      second.cutOff();
      await first.topics.delete(topic);
      await first.topics.create({
        name: topic,
        settings: {},
        schema: JSON.stringify({ type: 'string' }),
        adopt: false,
      });
      // What an instance knows of the log may be a second old: until then an event could be stored in the new topic.
      await until(async () => (await second.log.topicFacts([topic])).get(topic)?.id !== logId, {
        what: 'the other id',
      });
      await expect(publish(second, topic, [1])).rejects.toMatchObject({ reason: 'TOPIC_NOT_READY', retryable: true });
      const stream = openStream(second.subscriptions, { topic, from: { at: 'earliest' }, follow: false });
      await expect(stream.next()).rejects.toMatchObject({ reason: 'TOPIC_NOT_READY', retryable: true });
      await publish(first, topic, ['a', 'b']);
      const all = openStream(first.subscriptions, { topic, from: { at: 'earliest' }, follow: false });
      expect((await all.records(2)).map(({ text }) => text)).toEqual(['"a"', '"b"']);
    });

    test('answers TOPIC_NOT_READY while coordination is away', async () => {
      await using stand = await start();
      await using bus = await openInstance(stand);
      const topic = await createTopic(bus);
      await publish(bus, topic, numbers(3));
      bus.cutOff();
      await createAnew(stand, topic);
      await until(
        () =>
          publish(bus, topic, [1]).then(
            () => false,
            (error) => error.reason === 'TOPIC_NOT_READY' && error.retryable,
          ),
        { what: 'the refusal' },
      );
    });
  },
);
