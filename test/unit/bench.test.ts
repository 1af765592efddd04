import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { fromAll, perDelivery } from '../../bench/cells/live-streams.js';
import { eventSchema, makeEvent, readPublisher, readSequence, sequenceAt, writeSequence } from '../../bench/events.js';
import { markdown } from '../../bench/report/markdown.js';
import type { Run } from '../../bench/report/run.js';
import { inRounds, ratios, type Sample, type Subject } from '../../bench/rounds.js';
import { verify } from '../../bench/row.js';
import { messageReader, readFrame } from '../../bench/wire/frames.js';
import { envelope, numbered, publishTemplate, subscribeRequest } from '../../bench/wire/requests.js';
import { sequenceCheck } from '../../bench/wire/sequences.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { PublishRequestSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { SubscribeRequestSchema, SubscribeResponseSchema } from '../../src/gen/mainstem/v1/subscribe_pb.js';

// What the bench sends and reads by hand has to be what the product speaks: else its figures are of something else.

test.each([100, 1024, 10_240])(
  'an event of %i bytes has that size, is valid, and carries its number',
  async (bytes) => {
    const event = makeEvent(bytes, 7);
    writeSequence(event, sequenceAt, 123_456);
    expect(event.length).toBe(bytes);
    expect([readSequence(event), readPublisher(event)]).toEqual([123_456, 7]);
    const document: unknown = JSON.parse(event.toString());
    const schema = createSchemaCompiler().compile(eventSchema());
    expect(schema.accepts(document)).toBe(true);
    expect(schema.accepts({ ...Object(document), seq: 'no number' })).toBe(false);
  },
);

test('requests are those of the contract', () => {
  const template = publishTemplate('orders', [makeEvent(500), makeEvent(500)], true);
  const request = fromBinary(PublishRequestSchema, numbered(template, 41).subarray(5));
  const sequences = request.events.map(({ payload }) =>
    payload.case === 'jsonBytes' ? readSequence(payload.value) : -1,
  );
  expect([request.topic, sequences]).toEqual(['orders', [41, 42]]);
  const subscribe = fromBinary(
    SubscribeRequestSchema,
    subscribeRequest('orders', { cursor: 'abc' }, { follow: false }).subarray(5),
  );
  expect(subscribe).toMatchObject({ topic: 'orders', follow: false, from: { case: 'cursor', value: 'abc' } });
  expect(subscribe.heartbeatInterval?.seconds).toBe(60n);
});

test('frames are read however they are cut', () => {
  const frames = [
    create(SubscribeResponseSchema, {
      frame: { case: 'ready', value: { cursor: 'c0', assignment: { topic: 't', partitions: [0, 1, 200] } } },
    }),
    create(SubscribeResponseSchema, {
      frame: {
        case: 'events',
        value: { topic: 't', cursor: 'c1', records: [{ partition: 3, offset: 70_000n, jsonBytes: makeEvent(300) }] },
      },
    }),
    create(SubscribeResponseSchema, { frame: { case: 'end', value: {} } }),
  ];
  const bytes = Buffer.concat(frames.map((frame) => envelope(Buffer.from(toBinary(SubscribeResponseSchema, frame)))));
  for (const size of [1, 7, 100, bytes.length]) {
    const seen: unknown[] = [];
    const read = messageReader((message) =>
      readFrame(message, {
        cursor: (cursor) => seen.push(cursor),
        assigned: (partitions) => seen.push(partitions),
        record: (from, partition, offset, start, end) =>
          seen.push([partition, offset, end - start, readSequence(from, start)]),
        end: () => seen.push('end'),
      }),
    );
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    expect(seen).toEqual(['c0', 3, [3, 70_000, 300, 0], 'c1', 'end']);
  }
});

test('a slice counts once every process, and every subject, is warm', async () => {
  const subject = (pid: number, seconds: number): Subject & { slices: number } => ({
    slices: 0,
    child: { pid, cpuMicros: async () => 0 },
    async run() {
      this.slices++;
      return { events: 10, seconds };
    },
  });
  const [slow, quick] = [subject(-1, 1), subject(-2, 2)];
  const samples = await inRounds(2, { slow, quick });
  // Three of a second, before the first that counts.
  expect([slow.slices, quick.slices, samples.slow.length, samples.quick.length]).toEqual([5, 5, 2, 2]);
  const other = subject(-1, 1);
  await inRounds(2, { other });
  // Two of the same process, because it may be other code.
  expect(other.slices).toBe(4);
});

test('what a delivery costs is no matter of a single slice', () => {
  const slices = (costs: readonly number[]): Sample[] =>
    costs.map((cost) => ({ events: 10, seconds: 1, cpuMicros: cost * 10, busy: [] }));
  // Ten streams at 3 each; getting the event in costs 50, and once three times as much.
  const nobody = slices([50, 50, 150, 50, 50, 50]);
  const ours = perDelivery(slices([80, 80, 80, 80, 900, 80]), nobody, 10);
  expect(fromAll(2, ours)).toEqual({ median: 3, low: 3, high: 3 });
  const drifting = perDelivery(slices([80, 80, 80, 90, 90, 90]), nobody, 10);
  expect(fromAll(2, drifting)).toEqual({ median: 3.5, low: 3, high: 4 });
});

test('a run in which events are missing, twice or out of order is no result', () => {
  const read = (...numbers: number[]) => {
    const check = sequenceCheck();
    for (const [offset, number] of numbers.entries()) {
      const event = makeEvent(100);
      writeSequence(event, sequenceAt, number);
      check.add(0, offset, event, 0);
    }
    return check.result();
  };
  expect(verify('ours', read(1, 2, 3), 3)).toBe('3 events');
  expect(() => verify('ours', read(1, 2), 3)).toThrow('3 events were acknowledged; read back 2');
  expect(verify('ours', read(1, 3, 2), 3)).toBe('3 events');
  expect(() => verify('ours', read(1, 3, 2), 3, 'inOrder')).toThrow('1 out of order');
  expect(() => verify('ours', read(1, 2, 2), 3)).toThrow('1 duplicates');
});

test('the table says what was reached, and what has changed', () => {
  const machine = { cpu: 'x', cores: 2, memoryGiB: 4, kernel: 'k', node: 'v20', load: '0', commit: 'abc' };
  const run = (reference: number): Run => ({
    ...{ format: 1, command: 'npm run bench', began: 'now', machine },
    rows: [
      {
        ...{ cell: 'publish', variant: 'unary', pair: 'embedded', measure: 'ratio', better: 'higher', verified: 'yes' },
        ...{ reach: 0.4, aim: 0.7, value: ratios([reference, reference * 2], [10, 10]) },
      },
    ],
  });
  expect(markdown(run(2))).toContain('**MISSED** 0.30 (0.20 – 0.40)');
  expect(markdown(run(4), run(2))).toMatch(/reached 0\.60 .* 0\.30 \(\+100 %\)/);
});
