import { Buffer } from 'node:buffer';
import { create, fromJson, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { PublishRequestSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { CommitRequestSchema, StartPosition, SubscribeRequestSchema } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { TopicSettingsSchema } from '../../src/gen/mainstem/v1/topic_pb.js';
import { usesBinary } from '../../src/transports/connect/call.js';
import { toPublishCommand } from '../../src/transports/connect/publish-mapper.js';
import { toCommitCommand, toSubscribeCommand } from '../../src/transports/connect/subscribe-mapper.js';
import { toSettingsInput } from '../../src/transports/connect/topic-mapper.js';

const publish = (json: JsonValue) => toPublishCommand(fromJson(PublishRequestSchema, json));
const subscribe = (init: MessageInitShape<typeof SubscribeRequestSchema>) =>
  toSubscribeCommand(create(SubscribeRequestSchema, { topic: 't', ...init }));

test('events take their key as bytes or text, and their payload as bytes or a value', () => {
  const { events, mode, topic } = publish({
    topic: 'people',
    mode: 'PUBLISH_MODE_INDEPENDENT',
    events: [
      { keyText: 'å', json: { a: [1, 2.5, null, 'x'] } },
      {
        key: 'AAE=',
        jsonBytes: 'eyAiYSI6IDEuMCB9',
        id: '1',
        attributes: { n: 'v' },
        headers: [{ name: 'h', value: 'AQ==' }],
      },
    ],
  });
  expect({ topic, mode }).toEqual({ topic: 'people', mode: 'independent' });
  expect(events.map(({ payload }) => Buffer.from(payload ?? []).toString())).toEqual([
    '{"a":[1,2.5,null,"x"]}',
    '{ "a": 1.0 }',
  ]);
  expect(events.map(({ key }) => key && Buffer.from(key).toString('hex'))).toEqual(['c3a5', '0001']);
  expect(events[1]).toMatchObject({ id: '1', attributes: { n: 'v' }, headers: [['h', Uint8Array.of(1)]] });
});

test.each<[JsonValue, string]>([
  [{ events: [{ jsonBytes: 'MQ==' }, {}] }, 'event 1: neither json_bytes nor json is set'],
  [{ events: [{ jsonBytes: 'MQ==', key: '', keyText: 'a' }] }, 'event 0: key and key_text are both set'],
  [{ mode: 9, events: [{ jsonBytes: 'MQ==' }] }, 'mode: 9'],
])('publish refuses %j and says where', (request, message) => {
  expect(() => publish(request)).toThrow(
    expect.objectContaining({ reason: 'INVALID_REQUEST', message: expect.stringContaining(message) }),
  );
});

test('until, filter, fields and sample are handed on as they are; what is empty is not set', () => {
  expect(subscribe({})).toMatchObject({ until: undefined, filter: undefined, fields: undefined, sample: undefined });
  expect(subscribe({ until: { seconds: 5n, nanos: 1 } }).until).toEqual({ at: 'time', timestamp: 5_001 });
  expect(subscribe({ untilCursor: 'c' }).until).toEqual({ at: 'cursor', cursor: 'c' });
  expect(subscribe({ untilPosition: StartPosition.LATEST }).until).toEqual({ at: 'latest' });
  expect(subscribe({ filter: 'true', fields: ['', '/a'], sample: 0.5 })).toMatchObject({
    filter: 'true',
    fields: ['', '/a'],
    sample: 0.5,
  });
  expect(() => subscribe({ untilCursor: 'c', until: {} })).toThrow(
    'at most one of until, until_cursor and until_position',
  );
  expect(() => subscribe({ untilPosition: Number('7') })).toThrow('position: 7');
});

test('topics, patterns, bounds and modes are handed on as they are; what is empty is not set', () => {
  expect(subscribe({ topic: '', topics: ['a', 'b'] })).toMatchObject({ topic: undefined, topics: ['a', 'b'] });
  expect(subscribe({ topic: '', topicPattern: 'a.*' })).toMatchObject({ topic: undefined, pattern: 'a.*' });
  // For the core to refuse, in its words.
  expect(subscribe({ topicPattern: 'a.*' })).toMatchObject({ topic: 't', pattern: 'a.*' });
  expect(subscribe({ topic: '' })).toMatchObject({ topic: '', topics: undefined, pattern: undefined });
  expect(
    subscribe({ maxUncommitted: 3n, maxUncommittedBytes: 4n, commitTimeout: { seconds: 5n }, commitMode: 3 }),
  ).toMatchObject({ maxUncommitted: 3, maxUncommittedBytes: 4, commitTimeoutMs: 5_000, commitMode: 'before_delivery' });
  expect(subscribe({ commitMode: 2 }).commitMode).toBe('on_delivery');
  expect(() => subscribe({ commitMode: Number('9') })).toThrow('commit_mode: 9');
});

test('a start is a place, a cursor or a time rounded up', () => {
  expect(subscribe({})).toEqual({ topic: 't', onExpired: 'fail', commitMode: 'explicit', positionsFrom: 'server' });
  expect(subscribe({ from: { case: 'position', value: 1 } }).from).toEqual({ at: 'earliest' });
  expect(subscribe({ from: { case: 'position', value: 0 } }).from).toBeUndefined();
  expect(subscribe({ from: { case: 'cursor', value: '' } }).from).toEqual({ at: 'cursor', cursor: '' });
  const at = (seconds: bigint, nanos = 0) => subscribe({ from: { case: 'time', value: { seconds, nanos } } }).from;
  expect(at(1_700_000_000n, 1)).toEqual({ at: 'time', timestamp: 1_700_000_000_001 });
  expect(at(-5n, 5)).toEqual({ at: 'time', timestamp: 0 });
  expect(() => at(2n ** 60n)).toThrow('year 9999');
  expect(
    subscribe({
      heartbeatInterval: { seconds: 2n, nanos: 500_000_000 },
      limit: 3n,
      follow: false,
      onExpired: 2,
      readerSchemaVersion: 4,
    }),
  ).toMatchObject({
    heartbeatMs: 2_500,
    limit: 3,
    readerSchemaVersion: 4,
    follow: false,
    onExpired: 'skip',
  });
});

test('numbers that a double cannot hold are refused, not rounded', () => {
  const refused = (field: string) =>
    expect.objectContaining({ reason: 'INVALID_REQUEST', message: expect.stringContaining(field) });
  expect(() => subscribe({ limit: 2n ** 53n })).toThrow(refused('limit'));
  const commit = (generation?: bigint) =>
    toCommitCommand(
      create(CommitRequestSchema, {
        subscriber: 's',
        cursor: 'c',
        ...(generation === undefined ? {} : { generation }),
      }),
    );
  expect(commit(0n)).toEqual({ subscriber: 's', cursor: 'c', positions: [], generation: 0 });
  expect(() => commit()).toThrow(refused('generation'));
  expect(() => commit(-(2n ** 63n))).toThrow(refused('generation'));
  expect(() => toSettingsInput(create(TopicSettingsSchema, { retentionBytes: 2n ** 60n }))).toThrow('retention_bytes');
});

test('settings that are absent stay absent, and zero is a value', () => {
  expect(toSettingsInput(undefined)).toEqual({});
  const given = { retentionTime: {}, keyPointer: '', dedupeWindow: {}, dedupeEntries: 0 };
  expect(toSettingsInput(create(TopicSettingsSchema, given))).toEqual({
    retentionMs: 0,
    keyPointer: '',
    dedupeWindowMs: 0,
    dedupeEntries: 0,
  });
});

test.each([
  ['application/json', false],
  ['application/json; charset=utf-8', false],
  ['application/connect+json', false],
  ['application/grpc-web+json', false],
  ['application/proto', true],
  ['application/connect+proto', true],
  ['application/grpc', true],
  ['application/grpc-web-text+proto', true],
])('%s is answered in binary: %s', (type, binary) => {
  expect(usesBinary({ requestHeader: new Headers({ 'content-type': type }) })).toBe(binary);
});
