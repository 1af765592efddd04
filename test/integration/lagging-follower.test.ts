import { setMaxListeners } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { whyNoCluster } from '../cluster/cluster.js';
import { type LaggingEnsemble, startLaggingEnsemble } from '../cluster/lagging-ensemble.js';
import type { Server } from '../cluster/server.js';
import { type Fleet, type Instance, openFleet } from '../support/open-fleet.js';
import { startReader } from '../support/reader.js';
import { reasonOf } from '../support/reasons.js';
import { until } from '../support/wait.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const why = whyNoCluster('own', 'zookeeper');
if (why !== undefined) console.warn(`\n!!! SKIPPED, ${why}\n`);
const lagMs = 1_500;
/** For what takes many writes at the instance that lags: each takes as long as the lag. */
const shortLagMs = 300;
const mart = { topic: 't', subscriber: 'mart' } as const;

describe.skipIf(why !== undefined)('an instance whose ZooKeeper lags behind', { timeout: 120_000 }, () => {
  let ensemble: LaggingEnsemble;
  let follower: Server;
  let fleet: Fleet;
  /** Connected to the leader, and to the follower that lags. */
  let ahead: Instance;
  let behind: Instance;

  beforeAll(async () => {
    ensemble = await startLaggingEnsemble();
    const leader = await ensemble.leader();
    const [member] = await ensemble.followers();
    if (member === undefined) throw new Error('there is no follower');
    follower = member;
    // Writes at the instance that lags take as long as the lag: no session may end meanwhile, however busy the machine is.
    const times = { sessionTimeoutMs: 30_000, operationTimeoutMs: 30_000 };
    fleet = await openFleet([leader.address, follower.address], times);
    ahead = fleet.first;
    behind = await fleet.open();
    await ensemble.lag(follower, lagMs);
  });
  afterAll(async () => {
    ensemble?.catchUp();
    await fleet?.[Symbol.asyncDispose]();
    await ensemble?.dispose();
  });
  // Each test acts on names of its own; what the tests before have left must not hide the lag.
  let topic = '';
  let tests = 0;
  beforeEach(() => {
    topic = `t${++tests}`;
  });

  /** The mart's stream at the instance that is ahead, with records of its topic. */
  async function owning(subscriber: string) {
    await fleet.create(topic);
    await fleet.publish(topic, [1, 2, 3]);
    const reader = startReader(ahead.subscriptions, { ...mart, topic, subscriber });
    await reader.until(({ got, position }) => got.length === 3 && position !== undefined);
    const { position } = reader;
    if (position === undefined) throw new Error('the stream owns nothing');
    return { reader, position };
  }

  test('reads what is missing to it, until it syncs', async () => {
    await ahead.coordination.create(['lag', topic], new Uint8Array([1]));
    expect(await behind.coordination.get(['lag', topic])).toBeUndefined();
    await behind.coordination.sync();
    expect(await behind.coordination.get(['lag', topic])).toBeDefined();
  });

  test('finds a topic that was created a moment ago, and its new schema versions', async () => {
    const version = (number: number) => ({ version: number, definition: `{"type":"object","title":"${number}"}` });
    await ahead.topics.apply({ name: topic, settings: {}, schemas: [version(1)] });
    expect((await behind.topics.require(topic)).schemaVersions).toEqual([1]);
    await ahead.topics.apply({ name: topic, settings: {}, schemas: [version(1), version(2)] });
    expect((await behind.topics.require(topic, 2)).schemaVersions).toEqual([1, 2]);
  });

  test('takes a cursor of the topic that has replaced another one', async () => {
    await fleet.create(topic);
    await behind.topics.require(topic);
    await ahead.topics.delete(topic);
    const { incarnation } = await fleet.create(topic);
    await fleet.publish(topic, [1]);
    const cursor = encodeCursor([{ topic, incarnation, positions: [[0, 0]] }]);
    const reader = startReader(behind.subscriptions, { topic, from: { at: 'cursor', cursor } });
    await reader.until(({ got, over }) => got.length === 1 || over !== undefined);
    expect(reader.got.map(({ value }) => value)).toEqual([1]);
    reader.close();
  });

  test('takes the commits of a stream that another instance serves', async () => {
    const { reader, position } = await owning('mart');
    const [committed] = await behind.subscriptions.commit({ subscriber: 'mart', ...position }, never);
    expect(committed).toMatchObject({ topic, nextOffset: 3 });
    reader.close();
  });

  test('parks what such a stream could not handle', async () => {
    await ensemble.lag(follower, shortLagMs);
    const { reader, position } = await owning('parker');
    const { generation } = position;
    const command = { subscriber: 'parker', topic, partition: 0, offset: 0, reason: 'no', attempts: 1, generation };
    expect(await behind.subscribers.park(command, never)).toMatchObject({ nextOffset: 1 });
    expect((await behind.subscribers.listParked('parker', 10, undefined)).total).toBe(1);
    reader.close();
  });

  test('describes, resets and deletes a subscriber that was created a moment ago', async () => {
    await ensemble.lag(follower, shortLagMs);
    const { reader } = await owning('described');
    expect((await behind.subscribers.get('described')).subscriber).toMatchObject({ streams: 1 });
    reader.close();
    const gone = async () => (await ahead.subscribers.get('described')).subscriber.streams === 0;
    await until(gone, { what: 'the stream to leave' });
    // The stream has gone, which the instance that lags does not see yet either.
    const to = { at: 'latest' } as const;
    const reset = { subscriber: 'described', topic, partitions: [], to, force: false, dryRun: false };
    expect((await behind.subscribers.reset(reset)).changes).toMatchObject([{ topic, to: 3 }]);
    await behind.subscribers.delete('described', false);
    expect(await reasonOf(behind.subscribers.get('described'))).toBe('SUBSCRIBER_NOT_FOUND');
  });
});
