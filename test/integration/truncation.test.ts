import { Buffer } from 'node:buffer';
import { setMaxListeners } from 'node:events';
import { cp, rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { BusError } from '../../src/core/errors.js';
import { readOffset } from '../../src/core/offsets/records.js';
import { systemClock } from '../../src/core/ports/clock.js';
import { openEmbeddedCoordination, openEmbeddedLog } from '../../src/drivers/embedded/index.js';
import { openKafka } from '../../src/drivers/kafka/index.js';
import { createMemoryWorld, delayingLink } from '../../src/drivers/memory/index.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { startKafka } from '../cluster/kafka-server.js';
import { openStream } from '../support/frames.js';
import { openBusOn, type TestBus } from '../support/open-bus.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const never = new AbortController().signal;
setMaxListeners(0, never);

const upTo = (to: number, from = 0) => Array.from({ length: to - from }, (_, i) => from + i);

async function publish(bus: TestBus, values: readonly (number | string)[]): Promise<void> {
  const events = values.map((value) => ({ payload: Buffer.from(JSON.stringify(value)) }));
  await bus.publisher.publish({ topic: 't', mode: 'all_or_nothing', events }, never);
}

const create = (bus: TestBus) => bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });

/** Reads as a durable subscriber, and commits what has come. Returns the cursor after it. */
async function consume(bus: TestBus, count: number): Promise<string> {
  const stream = openStream(bus.subscriptions, { topic: 't', subscriber: 'mart' });
  let { assignment } = await stream.expect('ready');
  while (assignment.generation === undefined) ({ assignment } = await stream.expect('assignment'));
  const records = await stream.records(count);
  const cursor = records.at(-1)?.cursor ?? '';
  await bus.subscriptions.commit({ subscriber: 'mart', cursor, generation: assignment.generation }, never);
  stream.close();
  return cursor;
}

async function errorOf(promise: Promise<unknown>): Promise<BusError> {
  return promise.then(
    () => Promise.reject(new Error('it succeeds')),
    (error: unknown) => BusError.from(error),
  );
}

/**
 * The log held six events when it was copied, and ten when they were read and committed; it was restored from the copy, and `written` came after that. What readers then see of it is
 * what `written` says, whether or not it has grown past their positions.
 */
async function afterRestore(bus: TestBus, cursor: string, written: readonly (number | string)[]): Promise<void> {
  const texts = written.map((value) => JSON.stringify(value));
  const error = await errorOf(openStream(bus.subscriptions, { topic: 't', from: { at: 'cursor', cursor } }).next());
  expect(error).toMatchObject({
    reason: 'CURSOR_TRUNCATED',
    retryable: false,
    expired: { partitions: [{ topic: 't', partition: 0, asked: 10, first: 6 }] },
  });
  const from = { at: 'cursor', cursor: error.expired?.cursor ?? '' } as const;
  const plain = openStream(bus.subscriptions, { topic: 't', from });
  expect((await plain.records(texts.length)).map(({ text }) => text)).toEqual(texts);
  plain.close();
  // A cursor from within what is left goes on.
  const { incarnation } = await bus.topics.require('t');
  const early = encodeCursor([{ topic: 't', incarnation, positions: [[0, 3]] }], 1);
  const rest = openStream(bus.subscriptions, { topic: 't', from: { at: 'cursor', cursor: early } });
  expect(await rest.records(3 + texts.length)).toHaveLength(3 + texts.length);
  rest.close();

  const durable = openStream(bus.subscriptions, { topic: 't', subscriber: 'mart' });
  const got = await durable.records(texts.length);
  expect(got.map(({ text }) => text)).toEqual(texts);
  expect(got.map(({ offset }) => offset)).toEqual(upTo(6 + texts.length, 6));
  const gaps = durable.others.filter(({ kind }) => kind === 'gap');
  expect(gaps).toMatchObject([{ topic: 't', partition: 0, from: 10, to: 6, reason: 'log_truncated' }]);
  durable.close();
  // It is announced once: the position that is committed now is one of the present log.
  expect((await readOffset(bus.coordination, 'mart', 't', 0))?.record).toMatchObject({ next: 6 });
  const again = openStream(bus.subscriptions, { topic: 't', subscriber: 'mart' });
  expect((await again.records(texts.length)).map(({ text }) => text)).toEqual(texts);
  expect(again.others.filter(({ kind }) => kind === 'gap')).toEqual([]);
  again.close();
}

/** The log in a directory of its own, since a backup of coordination is another one's. */
async function embedded() {
  const [data, state, copy] = await Promise.all([temporaryDirectory(), temporaryDirectory(), temporaryDirectory()]);
  onTestFinished(async () => {
    for (const each of [data, state, copy]) await each.remove();
  });
  const open = async () => {
    const log = await openEmbeddedLog({ directory: data.path });
    const coordination = await openEmbeddedCoordination({ directory: state.path });
    const close = async () => {
      await coordination.close();
      await log.close();
    };
    return openBusOn({ log, coordination, close });
  };
  const replace = async (from: string, to: string) => {
    await rm(to, { recursive: true, force: true });
    await cp(from, to, { recursive: true });
  };
  return { open, save: () => replace(data.path, copy.path), restore: () => replace(copy.path, data.path) };
}

test.each([
  ['has grown past the old positions', upTo(20, 10).map((n) => `new ${n}`)],
  ['is shorter than the old positions', ['one']],
])('an embedded log that was restored from an older copy, and %s', async (_, written) => {
  const { open, save, restore } = await embedded();
  let cursor = '';
  {
    await using bus = await open();
    await create(bus);
    await publish(bus, upTo(6));
  }
  await save();
  {
    await using bus = await open();
    await publish(bus, upTo(10, 6));
    cursor = await consume(bus, 10);
  }
  await restore();
  {
    // Several starts since: the first of them is where the log differs.
    await using bus = await open();
    await publish(bus, written.slice(0, 1));
  }
  await using bus = await open();
  if (written.length > 1) await publish(bus, written.slice(1));
  await afterRestore(bus, cursor, written);
});

test('an embedded log that is only started again keeps all positions', async () => {
  const { open } = await embedded();
  let cursor = '';
  {
    await using bus = await open();
    await create(bus);
    await publish(bus, upTo(6));
    cursor = await consume(bus, 6);
  }
  for (let start = 0; start < 3; start++) {
    await using bus = await open();
    await publish(bus, [`start ${start}`]);
    const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'cursor', cursor } });
    expect(await stream.records(start + 1)).toHaveLength(start + 1);
    stream.close();
    const durable = openStream(bus.subscriptions, { topic: 't', subscriber: 'mart' });
    expect(await durable.records(start + 1)).toHaveLength(start + 1);
    expect(durable.others.filter(({ kind }) => kind === 'gap')).toEqual([]);
    durable.close();
  }
});

test.skipIf(whyNoCluster('own', 'kafka') !== undefined)(
  'a partition of a Kafka broker that was restored from an older copy',
  async () => {
    const [data, copy, state] = await Promise.all([temporaryDirectory(), temporaryDirectory(), temporaryDirectory()]);
    const kafka = await startKafka({ properties: { 'log.dirs': data.path } });
    onTestFinished(async () => {
      await kafka.dispose();
      for (const each of [data, copy, state]) await each.remove();
    });
    const open = async () => {
      const log = await openKafka({ brokers: kafka.brokers, client: 'kafkajs' });
      const coordination = await openEmbeddedCoordination({ directory: state.path });
      const close = async () => {
        await coordination.close();
        await log.close();
      };
      return openBusOn({ log, coordination, close });
    };
    const written = upTo(20, 10).map((n) => `new ${n}`);
    const partition = `${data.path}/t-0`;
    let cursor = '';
    {
      await using bus = await open();
      await create(bus);
      await publish(bus, upTo(6));
    }
    await kafka.stop();
    await cp(partition, `${copy.path}/t-0`, { recursive: true });
    await kafka.start();
    {
      await using bus = await open();
      await publish(bus, upTo(10, 6));
      cursor = await consume(bus, 10);
    }
    await kafka.stop();
    await rm(partition, { recursive: true });
    await cp(`${copy.path}/t-0`, partition, { recursive: true });
    await kafka.start();
    await using bus = await open();
    await publish(bus, written);
    await afterRestore(bus, cursor, written);
  },
  240_000,
);

/** Loses records under running streams, as an unclean election of a leader does. */
async function memory() {
  const world = createMemoryWorld();
  const client = { clock: systemClock, link: delayingLink(systemClock, 1) };
  const log = world.openLog(client);
  const coordination = world.openCoordination(client);
  const close = async () => {
    await coordination.close();
    await log.close();
  };
  const bus = await openBusOn({ log, coordination, close });
  await create(bus);
  await publish(bus, upTo(10));
  return { bus, lose: () => world.topics.lose('t', 0, 6) };
}

test('a running stream of a subscriber goes on where the log begins to differ, and a late commit does not count', async () => {
  const { bus, lose } = await memory();
  await using _ = bus;
  const stream = openStream(bus.subscriptions, { topic: 't', subscriber: 'mart' });
  let { assignment } = await stream.expect('ready');
  while (assignment.generation === undefined) ({ assignment } = await stream.expect('assignment'));
  const { generation } = assignment;
  const cursor = (await stream.records(10)).at(-1)?.cursor ?? '';
  await bus.subscriptions.commit({ subscriber: 'mart', cursor, generation }, never);
  lose();
  await publish(bus, ['a', 'b', 'c', 'd', 'e', 'f']);
  const got = await stream.records(6);
  expect(got.map(({ text, offset }) => [offset, text])).toEqual(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((text, i) => [6 + i, JSON.stringify(text)]),
  );
  expect(stream.others).toContainEqual(
    expect.objectContaining({ kind: 'gap', reason: 'log_truncated', from: 10, to: 6 }),
  );
  const late = await errorOf(bus.subscriptions.commit({ subscriber: 'mart', cursor, generation }, never));
  expect(late.reason).toBe('FENCED');
  expect((await readOffset(bus.coordination, 'mart', 't', 0))?.record.next).toBe(6);
  stream.close();
});

test('a running stream without a subscriber ends with a cursor to go on from', async () => {
  const { bus, lose } = await memory();
  await using _ = bus;
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' } });
  await stream.records(10);
  lose();
  await publish(bus, ['a', 'b']);
  const error = await errorOf(stream.next());
  expect(error.reason).toBe('CURSOR_TRUNCATED');
  const from = { at: 'cursor', cursor: error.expired?.cursor ?? '' } as const;
  const next = openStream(bus.subscriptions, { topic: 't', from });
  expect((await next.records(2)).map(({ text }) => text)).toEqual(['"a"', '"b"']);
  next.close();
});

test('a running stream that stands before what was lost goes on without a word', async () => {
  const { bus, lose } = await memory();
  await using _ = bus;
  const stream = openStream(bus.subscriptions, { topic: 't', from: { at: 'earliest' }, limit: 8 });
  await stream.expect('ready');
  lose();
  await publish(bus, ['a', 'b']);
  const texts = (await stream.records(8)).map(({ text }) => text);
  expect(texts).toEqual([...upTo(6).map(String), '"a"', '"b"']);
  stream.close();
});
