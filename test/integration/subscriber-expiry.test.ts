import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/ports/clock.js';
import type { Coordination } from '../../src/core/ports/coordination.js';
import { createExpiry, type ExpiryNotice } from '../../src/core/subscribers/expiry.js';
import { openStream } from '../support/frames.js';
import { openBus, type TestBus } from '../support/open-bus.js';
import { reasonOf } from '../support/reasons.js';

const never = new AbortController().signal;
const hour = 60 * 60_000;
const subscriber = 'mart-a';

/** A policy of 100 hours, and time as the test has it. */
function policyOf(bus: TestBus, coordination: Coordination = bus.coordination) {
  let now = Date.now();
  const notices: ExpiryNotice[] = [];
  const clock = { ...systemClock, wallTime: () => now };
  const ports = { coordination, topics: bus.topics, clock };
  const start = () => createExpiry(ports, { afterMs: 100 * hour, announce: (notice) => notices.push(notice) });
  const expiry = start();
  return {
    notices,
    start,
    async after(hours: number): Promise<string[]> {
      now += hours * hour;
      expect(await expiry.sweep(never)).toBe(true);
      return notices.splice(0).map(({ event }) => event);
    },
  };
}

async function create(bus: TestBus): Promise<void> {
  await bus.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  await bus.log.append('t', 0, [{ key: null, value: Buffer.from('1'), headers: [] }]);
}

const reset = (bus: TestBus) =>
  bus.subscribers.reset({
    subscriber,
    topic: 't',
    partitions: [],
    to: { at: 'earliest' },
    dryRun: false,
    force: false,
  });

test('an idle subscriber is announced once, and forgotten when its time is over', async () => {
  await using bus = await openBus();
  await create(bus);
  await reset(bus);
  const { after } = policyOf(bus);
  expect(await after(0)).toEqual([]);
  expect(await after(89)).toEqual([]);
  expect(await after(2)).toEqual(['due']);
  expect(await after(2)).toEqual([]);
  expect(await bus.subscribers.get(subscriber)).toMatchObject({ positions: [{ next: 0 }] });
  expect(await after(8)).toEqual(['expired']);
  expect(await reasonOf(bus.subscribers.get(subscriber))).toBe('SUBSCRIBER_NOT_FOUND');
  expect(await bus.coordination.children(['subscribers'])).toEqual([]);
  expect(await after(200)).toEqual([]);
});

test('the time of a stream that has been connected for long begins when it has gone', async () => {
  await using bus = await openBus();
  await create(bus);
  const stream = openStream(bus.subscriptions, { topic: 't', subscriber });
  await stream.expect('ready');
  const { after } = policyOf(bus);
  for (let i = 0; i < 5; i++) expect(await after(90)).toEqual([]);
  stream.close();
  while ((await bus.subscribers.get(subscriber)).streams.length > 0) await new Promise(setImmediate);
  expect(await after(1)).toEqual([]);
  expect(await after(91)).toEqual(['due']);
  const again = openStream(bus.subscriptions, { topic: 't', subscriber });
  await again.expect('ready');
  expect(await after(50)).toEqual([]);
  again.close();
  while ((await bus.subscribers.get(subscriber)).streams.length > 0) await new Promise(setImmediate);
  expect(await after(1)).toEqual([]);
  expect(await after(99)).toEqual(['due']);
  expect(await after(1)).toEqual(['expired']);
});

test('a commit or a stream in the last moment keeps the subscriber', async () => {
  await using bus = await openBus();
  await create(bus);
  for (const last of ['commit', 'stream'] as const) {
    await reset(bus);
    // Right before the first write of the sweep that would forget it: what a commit writes, or a stream that joins.
    const path = ['subscribers', subscriber, ...(last === 'commit' ? ['offsets', 't', '0'] : ['assignment'])];
    let written = 0;
    const setMany: Coordination['setMany'] = async (writes) => {
      const entry = await bus.coordination.get(path);
      if (written++ === 0) await bus.coordination.set(path, entry?.value ?? new Uint8Array(), entry?.version ?? 0);
      return bus.coordination.setMany(writes);
    };
    const { after } = policyOf(bus, Object.create(bus.coordination, { setMany: { value: setMany } }));
    await after(0);
    await after(99);
    expect(written).toBe(0);
    expect(await after(2)).toEqual([]);
    expect(written).toBe(1);
    expect(await bus.subscribers.get(subscriber)).toMatchObject({ positions: [{ next: 0 }] });
    await bus.subscribers.delete(subscriber, false);
  }
});

test('one instance sweeps at a time', async () => {
  await using bus = await openBus();
  await create(bus);
  await reset(bus);
  const { start } = policyOf(bus);
  const [first, second] = [start(), start()];
  const outcomes = await Promise.all([first.sweep(never), second.sweep(never)]);
  expect(outcomes.sort()).toEqual([false, true]);
  expect(await second.sweep(never)).toBe(true);
});
