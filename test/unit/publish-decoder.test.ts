import { Buffer } from 'node:buffer';
import { create, fromBinary, fromJsonString, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventInput, PublishCommand } from '../../src/core/publish/command.js';
import { type PublishStreamRequest, PublishStreamRequestSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { decodePublish, decodePublishStream } from '../../src/transports/connect/publish-decoder.js';
import { toPublishCommand } from '../../src/transports/connect/publish-mapper.js';

const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constant('\ufeffa'),
);
const payload = fc.oneof(
  { weight: 5, arbitrary: bytes.map((value) => ({ case: 'jsonBytes' as const, value })) },
  fc.json({ maxDepth: 3 }).map((json) => ({ case: 'json' as const, value: fromJsonString(ValueSchema, json) })),
  fc.constant({ case: undefined }),
);
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const event = fc.record({
  key: optional(bytes),
  keyText: fc.option(text, { nil: undefined, freq: 1 }),
  payload,
  id: text,
  source: text,
  type: text,
  subject: text,
  time: text,
  attributes: fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, fc.dictionary(text, text, { maxKeys: 3 })),
  headers: fc.oneof(
    { weight: 4, arbitrary: fc.constant<{ name: string; value: Uint8Array }[]>([]) },
    fc.array(fc.record({ name: text, value: bytes }), { maxLength: 3 }),
  ),
});
const request = fc.record({
  topic: text,
  events: fc.array(fc.oneof(event, fc.record({ payload })), { maxLength: 5 }),
  mode: fc.oneof(fc.nat(3), fc.integer()),
  schemaVersion: optional(fc.oneof(fc.nat(200), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))),
  continueAfterFailure: fc.boolean(),
});
const encoded = request.map((fields) =>
  toBinary(PublishStreamRequestSchema, create(PublishStreamRequestSchema, fields)),
);

/** Damage, and what is merely unusual: bytes changed, cut out, put in, repeated. */
const edit = fc.record({
  at: fc.nat(),
  remove: fc.nat(3),
  insert: fc.uint8Array({ maxLength: 3 }),
  twice: fc.boolean(),
});
const damaged = fc.tuple(encoded, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([message, edits]) => {
  let result = Buffer.from(message);
  for (const { at, remove, insert, twice } of edits) {
    const place = at % (result.length + 1);
    result = Buffer.concat([result.subarray(0, place), insert, result.subarray(place + remove)]);
    if (twice) result = Buffer.concat([result, result]);
  }
  return new Uint8Array(result);
});

/** What codec and mapper make of a message; undefined where they refuse it. */
function general(message: Uint8Array): (PublishCommand & { continueAfterFailure: boolean }) | undefined {
  try {
    const decoded: PublishStreamRequest = fromBinary(PublishStreamRequestSchema, message);
    return { ...toPublishCommand(decoded), continueAfterFailure: decoded.continueAfterFailure };
  } catch {
    return undefined;
  }
}

/** Without the difference between empty and absent where it has no meaning. */
function plain({ events, ...fields }: PublishCommand) {
  const texts = ({ id, source, type, subject, time, ...rest }: EventInput) => ({
    ...rest,
    texts: [id, source, type, subject, time].map((each) => each ?? ''),
    key: rest.key && Buffer.from(rest.key).toString('hex'),
    payload: Buffer.from(rest.payload ?? []).toString('hex'),
  });
  return { ...fields, events: events.map(texts) };
}

describe('the decoder of publish requests', () => {
  test('makes of a message what codec and mapper make of it, or leaves it to them', () => {
    fc.assert(
      fc.property(fc.oneof(encoded, damaged), (message) => {
        const found = decodePublishStream(message);
        if (found === undefined) return;
        const expected = general(message);
        expect(expected).toBeDefined();
        if (expected) expect(plain(found)).toEqual(plain(expected));
      }),
      { numRuns: 2_000 },
    );
  });

  test('takes every usual message', () => {
    const usual = fc.record({
      topic: fc.string(),
      events: fc.array(
        fc.record({
          key: optional(bytes),
          payload: bytes.map((value) => ({ case: 'jsonBytes' as const, value })),
          id: fc.string(),
          source: fc.string(),
          type: fc.string(),
          headers: fc.array(fc.record({ name: fc.string(), value: bytes }), { maxLength: 1 }),
        }),
      ),
      mode: fc.nat(2),
      schemaVersion: optional(fc.nat(5_000)),
    });
    fc.assert(
      fc.property(usual, (fields) => {
        const message = toBinary(PublishStreamRequestSchema, create(PublishStreamRequestSchema, fields));
        const found = decodePublish(message);
        expect(found).toBeDefined();
        expect(found?.events).toHaveLength(fields.events.length);
      }),
    );
  });

  test('leaves fields that a request does not have to the codec', () => {
    const message = toBinary(
      PublishStreamRequestSchema,
      create(PublishStreamRequestSchema, { topic: 'a', continueAfterFailure: true }),
    );
    expect(decodePublishStream(message)?.continueAfterFailure).toBe(true);
    expect(decodePublish(message)).toBeUndefined();
  });
});
