import { randomUUID } from 'node:crypto';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PublishService } from '../../src/gen/mainstem/v1/publish_pb.js';
import { type Assignment, type Events, type Ready, SubscribeService } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { useCluster } from '../cluster/use-cluster.js';
import { cli } from '../support/cli.js';
import { driverPairs } from '../support/pairs.js';
import { startServer } from '../support/server.js';

const cluster = await useCluster();
const pair = (await driverPairs()).find(({ name }) => name !== 'embedded');

/** The frames that these tests wait for. */
interface Frames {
  ready: Ready;
  events: Events;
  assignment: Assignment;
}

function stream(address: string, topic: string, subscriber: string) {
  const client = createClient(SubscribeService, createGrpcTransport({ baseUrl: address }));
  const call = new AbortController();
  onTestFinished(() => call.abort());
  const frames = client
    .subscribe({ topic, subscriber, heartbeatInterval: { seconds: 1n } }, { signal: call.signal })
    [Symbol.asyncIterator]();
  return {
    async next<C extends keyof Frames>(wanted: C): Promise<Frames[C]> {
      for (;;) {
        const { value, done } = await frames.next();
        if (done) throw new Error(`the stream ended before a frame ${wanted}`);
        // The comparison narrows the frame, but not the type parameter.
        if (value.frame.case === wanted) return value.frame.value as Frames[C];
      }
    },
  };
}

describe.skipIf(!cluster || !pair)('two instances on one cluster', () => {
  test('what one takes in, the other sends out; a killed owner is followed by the stream that waits, and is fenced', async () => {
    const place = await pair?.place();
    if (!place) return;
    const [a, b] = await Promise.all([startServer(place), startServer(place)]);
    onTestFinished(() => a.kill());
    onTestFinished(() => b.kill());
    const topic = place.topic('people');

    const onA = stream(a.address, topic, 'mart');
    const owner = (await onA.next('ready')).assignment;
    expect(owner?.partitions).toEqual([0]);
    const onB = stream(b.address, topic, 'mart');
    expect((await onB.next('ready')).assignment).toMatchObject({ partitions: [], waiting: true });

    const publish = (address: string, from: number) =>
      cli(
        address,
        ['publish', topic],
        [from, from + 1].map((age) => JSON.stringify({ firstName: 'P', lastName: 'Q', age })).join('\n'),
      );
    expect((await publish(b.address, 0)).code).toBe(0);
    let cursor = '';
    for (let got = 0; got < 2; ) {
      const events = await onA.next('events');
      got += events.records.length;
      cursor = events.cursor;
    }
    // Commits may arrive at any instance.
    const commits = createClient(SubscribeService, createGrpcTransport({ baseUrl: b.address }));
    const generation = owner?.generation ?? 0n;
    expect(await commits.commit({ subscriber: 'mart', cursor, generation })).toMatchObject({
      positions: [{ nextOffset: 2n }],
    });

    await a.kill();
    const taken = await onB.next('assignment');
    expect(taken.partitions).toEqual([0]);
    expect(taken.generation).toBeGreaterThan(generation);
    expect((await publish(b.address, 2)).code).toBe(0);
    const after = await onB.next('events');
    expect(after.records[0]?.offset).toBe(2n);
    const late = await commits
      .commit({ subscriber: 'mart', cursor: after.cursor, generation })
      .catch((error: unknown) => ConnectError.from(error));
    expect(late).toMatchObject({ code: Code.FailedPrecondition, rawMessage: expect.stringContaining('generation') });
  }, 120_000);

  test('a topic made at one is known at the other; one of other producers is listed, adopted and delivered', async () => {
    const place = await pair?.place();
    if (!place || !cluster) return;
    const [a, b] = await Promise.all([startServer(place), startServer(place)]);
    onTestFinished(() => a.kill());
    onTestFinished(() => b.kill());
    const fresh = `fresh-${randomUUID().slice(0, 8)}`;
    expect((await cli(a.address, ['topics', 'create', fresh, '--schemaless'])).code).toBe(0);
    const publisher = createClient(PublishService, createGrpcTransport({ baseUrl: b.address }));
    const event = { payload: { case: 'jsonBytes' as const, value: Buffer.from('1') } };
    await expect(publisher.publish({ topic: fresh, events: [event] })).resolves.toBeDefined();

    const foreign = `foreign-${randomUUID().slice(0, 8)}`;
    const kafka = new Kafka({ brokers: cluster.brokers, logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    const producer = kafka.producer();
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ topics: [{ topic: foreign }] });
    await producer.send({
      topic: foreign,
      messages: [
        { value: '{"theirs":true}' },
        { value: 'not json' },
        { key: 'k', value: null },
        {
          headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
          value: '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"theirs":1.0}}',
        },
      ],
    });
    await Promise.all([admin.disconnect(), producer.disconnect()]);

    expect((await cli(a.address, ['topics', 'list'])).stdout).toMatch(new RegExp(`${foreign}\\s+unmanaged`));
    const refused = await cli(a.address, ['tail', foreign]);
    expect(refused.stderr).toContain('TOPIC_NOT_MANAGED');
    expect((await cli(a.address, ['topics', 'create', foreign, '--adopt', '--schemaless'])).code).toBe(0);
    const tailed = await cli(b.address, ['tail', foreign, '--from', 'earliest', '--no-follow', '--output', 'json']);
    const lines = tailed.stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toMatchObject([
      { data: { theirs: true } },
      { dataBase64: Buffer.from('not json').toString('base64') },
      { key: 'k', tombstone: true },
      { id: '1', source: '/s', type: 't', data: { theirs: 1 } },
    ]);
  }, 120_000);
});
