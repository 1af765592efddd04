import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { allowAll } from '../../src/core/ports/authorizer.js';
import { createSubscriptions } from '../../src/core/subscribe/subscriptions.js';
import { createTopics } from '../../src/core/topics/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { openStream } from '../support/frames.js';
import { inlineJudge } from '../support/inline-judge.js';
import { openBus, type TestBus } from '../support/open-bus.js';

const never = new AbortController().signal;
const settings = (partitions: number) => ({ schemaless: true, partitions });
const create = (bus: TestBus) => bus.topics.create({ name: 't', settings: settings(1), adopt: false });

async function publish(bus: TestBus, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, i) => ({ payload: Buffer.from(`${i}`), key: Buffer.from(`${i}`) }));
  await bus.publisher.publish({ topic: 't', mode: 'all_or_nothing', events }, never);
}

/** Another instance, whose watches say nothing: it knows the topic as it was when it first looked. */
async function staleInstance(bus: TestBus) {
  const coordination = Object.create(bus.coordination, { watch: { value: () => () => undefined } });
  const compiler = createSchemaCompiler();
  const topics = createTopics({ log: bus.log, coordination, compiler, judge: inlineJudge(compiler) });
  await topics.require('t');
  const subscriptions = createSubscriptions({ log: bus.log, coordination, topics, authorizer: allowAll });
  return {
    subscriptions,
    async [Symbol.asyncDispose]() {
      await subscriptions.close();
      await topics.close();
    },
  };
}

test('a cursor with partitions that were just added elsewhere is taken, by a stream and by a commit', async () => {
  await using bus = await openBus();
  await create(bus);
  await using stale = await staleInstance(bus);
  await bus.topics.apply({ name: 't', settings: settings(3), schemas: [] });
  await publish(bus, 30);
  const owner = openStream(bus.subscriptions, { topic: 't', subscriber: 's' });
  const { generation = -1 } = (await owner.expect('ready')).assignment;
  const cursor = (await owner.records(30)).at(-1)?.cursor ?? '';

  const stream = openStream(stale.subscriptions, { topic: 't', from: { at: 'cursor', cursor } });
  expect((await stream.expect('ready')).cursor).toBe(cursor);
  const committed = await stale.subscriptions.commit({ subscriber: 's', cursor, generation }, never);
  expect(committed.map(({ partition }) => partition)).toEqual([0, 1, 2]);
  for (const each of [owner, stream]) each.close();
});

test('a cursor of a topic that was just created anew elsewhere is no cursor of an earlier one', async () => {
  await using bus = await openBus();
  await create(bus);
  await using stale = await staleInstance(bus);
  await bus.topics.delete('t');
  await create(bus);
  await publish(bus, 2);
  const fresh = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' } });
  const { cursor } = await fresh.expect('ready');
  const stream = openStream(stale.subscriptions, { topic: 't', from: { at: 'cursor', cursor }, follow: false });
  expect(await stream.records(2)).toHaveLength(2);
  for (const each of [fresh, stream]) each.close();
});

test('an instance that missed that a topic was created anew does not undo the positions committed in it', async () => {
  await using bus = await openBus();
  await create(bus);
  await using stale = await staleInstance(bus);
  await bus.topics.delete('t');
  await create(bus);
  await publish(bus, 5);
  const first = openStream(bus.subscriptions, { topic: 't', subscriber: 's' });
  const { generation = -1 } = (await first.expect('ready')).assignment;
  const cursor = (await first.records(5)).at(-1)?.cursor ?? '';
  await bus.subscriptions.commit({ subscriber: 's', cursor, generation }, never);
  first.close();

  const late = openStream(stale.subscriptions, { topic: 't', subscriber: 's' });
  await expect(late.next()).rejects.toMatchObject({ reason: 'TOPIC_DELETED' });
  const next = openStream(bus.subscriptions, { topic: 't', subscriber: 's' });
  await publish(bus, 1);
  expect((await next.records(1)).map(({ offset }) => offset)).toEqual([5]);
  expect(next.others.filter(({ kind }) => kind === 'gap')).toEqual([]);
  next.close();
});

test('a cursor with a partition that the topic never had is refused', async () => {
  await using bus = await openBus();
  const { incarnation } = await create(bus);
  const cursor = encodeCursor([{ topic: 't', incarnation, positions: [[7, 0]] }]);
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'cursor', cursor } });
  await expect(stream.next()).rejects.toMatchObject({ reason: 'INVALID_REQUEST', message: /the cursor names 7/ });
});
