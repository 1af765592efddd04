import { describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient, type MainstemClient } from '../../src/client/index.js';
import type { End, Events } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { post, refusal } from '../hostile/bus.js';
import { driverPairs } from '../support/pairs.js';
import { startServer } from '../support/server.js';
import { until } from '../support/wait.js';

/** The frames that this test waits for. */
interface Frames {
  events: Events;
  end: End;
}

/** The frames of a stream, one after the other. */
function follow(client: MainstemClient, topic: string, subscriber: string) {
  const call = new AbortController();
  onTestFinished(() => call.abort());
  const frames = client.frames({ topic, subscriber }, { signal: call.signal })[Symbol.asyncIterator]();
  let generation: bigint | undefined;
  return {
    generation: () => generation ?? -1n,
    async until<C extends keyof Frames>(wanted: C, isIt: (frame: Frames[C]) => boolean = () => true) {
      for (;;) {
        const { value, done } = await frames.next();
        if (done) throw new Error(`the stream ended before a frame ${wanted}`);
        const assignment = value.case === 'ready' ? value.value.assignment : value.case === 'assignment' && value.value;
        if (assignment) generation = assignment.generation ?? generation;
        // The comparison narrows the frame, but not the type parameter.
        const found = value.value as Frames[C];
        if (value.case === wanted && isIt(found)) return found;
      }
    },
  };
}

describe.each(await driverPairs())('on $name', (pair) => {
  test('subscribers are listed, shown, moved, fenced and deleted; records are parked, redriven and discarded', async () => {
    const { args, topic: named } = await pair.place();
    const server = await startServer({ args: [...args, '--subscriber-expiry-ms', '30d'] });
    onTestFinished(() => server.kill());
    const topic = named('parked-here');
    const subscriber = named('mart/ü 1');
    const client = createMainstemClient({ address: server.address });
    const grpc = createMainstemClient({ address: server.address, protocol: 'grpc' });
    onTestFinished(() => {
      client.close();
      grpc.close();
    });
    const { subscribers } = grpc;
    await client.topics.create({ topic, settings: { schemaless: true, partitions: 2 } });
    const results = await client.publish({
      topic,
      events: [1, 2, 3, 4, 5, 6].map((n) => ({ payload: `{"n":${n}.0}`, key: `${n}` })),
    });

    expect(await subscribers.list()).toEqual([]);
    expect(await refusal(subscribers.get(subscriber))).toMatchObject({
      code: 'not_found',
      reason: 'SUBSCRIBER_NOT_FOUND',
    });
    const stream = follow(client, topic, subscriber);
    let seen = 0;
    const last = await stream.until('events', ({ records }) => {
      seen += records.length;
      return seen === 6;
    });
    const [bad] = results.map(({ partition = 0, offset = 0n }) => ({ topic, partition, offset }));
    if (!bad) throw new Error('nothing was published');
    const generation = stream.generation();
    const park = { ...bad, subscriber, generation, reason: 'no such customer', attempts: 3 };
    expect((await subscribers.park(park)).position).toMatchObject({
      topic,
      partition: bad.partition,
      nextOffset: bad.offset + 1n,
    });
    expect(await refusal(subscribers.park({ ...park, generation: generation + 1n }))).toMatchObject({
      reason: 'FENCED',
    });

    const shown = await subscribers.get(subscriber);
    expect(shown.subscriber).toMatchObject({ name: subscriber, streams: 1, lag: 5n });
    expect(shown.streams).toMatchObject([{ generation, partitions: [{ topic, partitions: [0, 1] }] }]);
    expect(shown.positions).toHaveLength(2);
    for (const { streamId, stuck, lastCommit } of shown.positions) {
      expect(streamId).toBe(shown.streams[0]?.streamId);
      expect(stuck).toBe(false);
      expect(lastCommit).toBeDefined();
    }
    expect(shown.parked).toBe(1n);
    expect(Number(shown.expires?.seconds ?? 0)).toBeGreaterThan(Date.now() / 1000 + 29 * 86_400);

    expect(await subscribers.listParked({ subscriber })).toMatchObject({
      records: [{ position: bad, reason: 'no such customer', attempts: 3, payloadBytes: 9n }],
      total: 1n,
    });
    const { record } = await subscribers.getParked({ subscriber, position: bad });
    expect(Buffer.from(record?.jsonBytes ?? []).toString()).toBe('{"n":1.0}');
    expect(record).toMatchObject({ partition: bad.partition, offset: bad.offset });
    expect(await subscribers.redrive({ subscriber, positions: [bad] })).toBe(1n);
    const again = await stream.until('events');
    expect(again.records).toMatchObject([{ redriven: { ...bad, reason: 'no such customer', attempts: 3 } }]);
    expect(Buffer.from(again.records[0]?.jsonBytes ?? []).toString()).toBe('{"n":1.0}');
    await subscribers.park({ ...park, topic: again.topic, partition: 0, offset: 0n, generation: stream.generation() });
    expect(await subscribers.discard({ subscriber, all: true })).toBe(1n);
    expect(await subscribers.listParked({ subscriber })).toMatchObject({ records: [], total: 0n });

    expect(await refusal(subscribers.reset({ subscriber, to: 'earliest' }))).toMatchObject({
      code: 'failed_precondition',
      reason: 'SUBSCRIBER_ACTIVE',
    });
    const moved = await subscribers.reset({ subscriber, topic, to: 'latest', force: true });
    expect(moved).toMatchObject({
      fencedStreams: 1,
      changes: [
        { topic, partition: 0 },
        { topic, partition: 1 },
      ],
    });
    // END_REASON_SUBSCRIBER_RESET
    expect((await stream.until('end')).reason).toBe(4);
    const late = { subscriber, cursor: last.cursor, generation };
    expect(await refusal(client.commit(late))).toMatchObject({ reason: 'FENCED' });
    // The stream's record goes after its last frame: with ZooKeeper, one request later.
    const left = async () => {
      const { subscriber: found } = await subscribers.get(subscriber);
      return found?.streams === 0 && found;
    };
    expect(await until(left, { what: 'the stream to have left' })).toMatchObject({ lag: 0n });
    await subscribers.delete({ subscriber });
    expect(await subscribers.list()).toEqual([]);
    expect((await client.topics.list()).map(({ name }) => name).filter((name) => name.startsWith('mainstem.'))).toEqual(
      [],
    );
  });
});

test('requests that cannot be are refused, naming the field', async () => {
  const [embedded] = await driverPairs();
  const server = await startServer({ args: (await embedded?.place())?.args ?? [] });
  onTestFinished(() => server.kill());
  const s = { subscriber: 'mart' };
  const at = { topic: 'people', partition: 0, offset: '0' };
  await post(
    server.address,
    'SubscriberService/ResetSubscriber',
    JSON.stringify({ ...s, topic: 'people', offset: '0', partitions: [0] }),
  );
  for (const [method, request, reason, message] of [
    ['ResetSubscriber', { ...s, topic: 'people' }, 'INVALID_REQUEST', 'where to is missing'],
    ['ResetSubscriber', { ...s, position: 'START_POSITION_UNSPECIFIED' }, 'INVALID_REQUEST', 'where to is missing'],
    ['ResetSubscriber', { ...s, topic: 'people', position: 77 }, 'INVALID_REQUEST', '77'],
    ['ResetSubscriber', { ...s, offset: '5' }, 'INVALID_REQUEST', 'offset needs topic'],
    [
      'ResetSubscriber',
      { ...s, topic: 'people', offset: '9007199254740993', partitions: [0] },
      'INVALID_REQUEST',
      '2^53',
    ],
    ['ResetSubscriber', { ...s, topic: 'people', offset: '1', partitions: [0] }, 'CURSOR_AHEAD', 'beyond the end'],
    ['ResetSubscriber', { ...s, topic: 'people', partitions: [-1], position: 1 }, 'INVALID_REQUEST', '-1'],
    ['ResetSubscriber', { ...s, cursor: 'x'.repeat(70_000) }, 'CURSOR_MALFORMED', 'cannot be read'],
    ['ResetSubscriber', { subscriber: 'a\u0000b', position: 1 }, 'SUBSCRIBER_NAME_INVALID', 'control'],
    ['GetSubscriber', {}, 'SUBSCRIBER_NAME_INVALID', '1 to 200'],
    ['GetSubscriber', { subscriber: '../topics' }, 'SUBSCRIBER_NOT_FOUND', '../topics'],
    ['DeleteSubscriber', { subscriber: 'x'.repeat(201), force: true }, 'SUBSCRIBER_NAME_INVALID', '201'],
    ['ParkRecord', { ...s, record: at }, 'INVALID_REQUEST', 'generation is required'],
    ['ParkRecord', { ...s, generation: '1' }, 'INVALID_REQUEST', 'record is required'],
    ['ParkRecord', { ...s, generation: '1', record: { topic: 'people' } }, 'INVALID_REQUEST', 'record needs'],
    ['ParkRecord', { ...s, generation: '1', record: at, attempts: -1 }, 'INVALID_REQUEST', 'attempts'],
    ['ParkRecord', { ...s, generation: '999', record: at }, 'FENCED', 'generation 999'],
    ['ListParked', { ...s, limit: 1_001 }, 'INVALID_REQUEST', '1 to 1000'],
    ['ListParked', { ...s, after: {} }, 'INVALID_REQUEST', 'after needs'],
    ['GetParked', s, 'INVALID_REQUEST', 'position is required'],
    ['RedriveParked', s, 'INVALID_REQUEST', 'give positions, or all'],
    ['DiscardParked', { ...s, all: true, positions: [at] }, 'INVALID_REQUEST', 'both'],
    ['RedriveParked', { ...s, positions: [{ topic: 'people' }] }, 'INVALID_REQUEST', 'positions[0]'],
    ['DiscardParked', { ...s, positions: [at] }, 'PARKED_RECORD_NOT_FOUND', 'not parked'],
  ] as const) {
    const answer = await post(server.address, `SubscriberService/${method}`, JSON.stringify(request));
    expect([method, request, answer]).toEqual([method, request, expect.objectContaining({ reason })]);
    expect(answer.message).toContain(message);
  }
});
