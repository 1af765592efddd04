import { Buffer } from 'node:buffer';
import { type DescMessage, type DescMethod, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ServerReflection } from '../../src/gen/grpc/reflection/v1/reflection_pb.js';
import { PublishService } from '../../src/gen/mainstem/v1/publish_pb.js';
import { SubscribeService } from '../../src/gen/mainstem/v1/subscribe_pb.js';
import { TopicService } from '../../src/gen/mainstem/v1/topic_pb.js';

/** A request as it goes out, after all mutations. */
export interface Call {
  readonly httpVersion: '1.1' | '2';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const event = {
  keyText: 'k',
  jsonBytes: 'eyJhIjpbMSx0cnVlXX0=',
  id: 'i',
  source: '/s',
  attributes: { a: 'b' },
  headers: [{ name: 'h', value: 'AA==' }],
};
const settings = { partitions: 2, retentionTime: '3600s', maxEventBytes: 4096, keyPointer: '/a', schemaless: false };
const schema =
  '{"type":"object","properties":{"a":{"type":"array","items":{"$ref":"#/$defs/n"}}},"$defs":{"n":{"pattern":"^(a|b)*$"}}}';

/** Valid requests, from which all others come. The topics `f0` and `f1` come and go; `events` stays. */
const templates: readonly (readonly [DescMethod, JsonValue])[] = [
  [
    PublishService.method.publish,
    { topic: 'events', events: [event, { json: { a: [1, 'x', null] } }], mode: 'PUBLISH_MODE_INDEPENDENT' },
  ],
  [PublishService.method.publish, { topic: 'f0', events: [event], schemaVersion: 1 }],
  [PublishService.method.publishStream, { topic: 'events', events: [event], continueAfterFailure: true }],
  [
    SubscribeService.method.subscribe,
    { topic: 'events', position: 'START_POSITION_EARLIEST', follow: false, limit: '10' },
  ],
  [
    SubscribeService.method.subscribe,
    { topic: 'f0', subscriber: 's', heartbeatInterval: '1s', onExpired: 'ON_EXPIRED_SKIP' },
  ],
  [
    SubscribeService.method.subscribe,
    { topic: 'events', cursor: 'AQEGZXZlbnRzEDlmNDk1NjVkMGY1MjBiMjYBAAEUrGqO', follow: false },
  ],
  [
    SubscribeService.method.commit,
    { subscriber: 's', cursor: 'AQEGZXZlbnRzEDlmNDk1NjVkMGY1MjBiMjYBAAEUrGqO', generation: '1' },
  ],
  [TopicService.method.listTopics, {}],
  [TopicService.method.getTopic, { topic: 'f0' }],
  [TopicService.method.createTopic, { topic: 'f0', settings, schema }],
  [TopicService.method.applyTopic, { topic: 'f1', settings, schemas: [{ version: 1, definition: schema }] }],
  [TopicService.method.deleteTopic, { topic: 'f0' }],
  [ServerReflection.method.serverReflectionInfo, { fileContainingSymbol: 'mainstem.v1.PublishService' }],
];

/** Values that are odd somewhere, as JSON text. */
const oddJson = [
  ...[
    'null',
    'true',
    '0',
    '-1',
    '1e400',
    '-0',
    '1.5',
    '2147483648',
    '"9223372036854775808"',
    '9'.repeat(400),
    '""',
    '" "',
  ],
  ...[
    '"\\ud800"',
    '"\\u0000"',
    '"../.."',
    '"%2f"',
    '"😀"',
    '"__proto__"',
    '"1s"',
    '"-1s"',
    '"999999999999s"',
    '"2026-01-01T00:00:00Z"',
  ],
  ...[
    '[]',
    '{}',
    '[[]]',
    '{"":0}',
    '{"a":1,"a":2}',
    '{"__proto__":{"a":1}}',
    '{"\\ud800":1}',
    `"${'x'.repeat(70_000)}"`,
  ],
  ...[
    `${'['.repeat(200)}${']'.repeat(200)}`,
    `${'{"a":'.repeat(5_000)}`,
    '"AAAA"',
    '"=="',
    'NaN',
    '[1,2',
    '\ufeff1',
    '"MODE"',
    '99',
  ],
];

interface Replacement {
  /** Which value of the request, counted through. */
  readonly at: number;
  readonly value: string;
}

/** The request as JSON text, some of its values replaced by odd ones; text, since much of that no parser would let through. */
function withOdd(value: JsonValue, replacements: readonly Replacement[]): string {
  let count = 0;
  const total = JSON.stringify(value).split(/[:,[{]/).length;
  const chosen = new Map(replacements.map(({ at, value: odd }) => [at % total, odd]));
  const write = (part: JsonValue): string => {
    const odd = chosen.get(count++);
    if (odd !== undefined) return odd;
    if (Array.isArray(part)) return `[${part.map(write).join()}]`;
    if (typeof part !== 'object' || part === null) return JSON.stringify(part);
    return `{${Object.entries(part)
      .map(([name, member]) => `${JSON.stringify(name)}:${write(member ?? null)}`)
      .join()}}`;
  };
  return write(value);
}

/** What happens to the bytes of a message, or of a whole body. */
type Damage = {
  readonly kind: 'flip' | 'cut' | 'insert' | 'remove' | 'repeat';
  readonly at: number;
  readonly bytes: Uint8Array;
};
const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('flip' as const, 'cut' as const, 'insert' as const, 'remove' as const, 'repeat' as const),
  at: fc.nat(4_096),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
});

function damaged(input: Buffer, damages: readonly Damage[]): Buffer {
  return damages.reduce((body, { kind, at, bytes }) => {
    const place = body.length === 0 ? 0 : at % body.length;
    const [head, tail] = [body.subarray(0, place), body.subarray(place)];
    const ends: Record<Damage['kind'], readonly Uint8Array[]> = {
      flip: [bytes, tail.subarray(bytes.length)],
      cut: [],
      insert: [bytes, tail],
      remove: [tail.subarray(bytes.length)],
      repeat: [tail, tail, tail],
    };
    return Buffer.concat([head, ...ends[kind]]);
  }, input);
}

const envelope = (message: Buffer, flags = 0): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** Headers that contradict the body, or ask for the impossible. */
const oddHeaders: readonly Record<string, string>[] = [
  {},
  {},
  {},
  {},
  { 'content-encoding': 'gzip' },
  { 'connect-content-encoding': 'br' },
  { 'grpc-encoding': 'gzip' },
  { 'grpc-encoding': 'nonsense' },
  { 'content-type': 'application/grpc+proto; charset=x' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'text/plain' },
  { 'content-type': '' },
  { 'connect-timeout-ms': '-1', 'grpc-timeout': '-1S' },
  { 'connect-timeout-ms': '99999999999999999999', 'grpc-timeout': '99999999999999999999H' },
  { 'connect-timeout-ms': '0', 'grpc-timeout': '0n' },
  { 'connect-protocol-version': '99' },
  { 'grpc-accept-encoding': 'x'.repeat(5_000) },
  { 'x-bin': '%%%' },
  { authorization: 'Bearer \u00ff' },
];

const inputOf = (method: DescMethod): DescMessage => method.input;

export const call: fc.Arbitrary<Call> = fc
  .record({
    template: fc.constantFrom(...templates),
    protocol: fc.constantFrom('connect' as const, 'grpc' as const, 'grpc-web' as const),
    json: fc.boolean(),
    replacements: fc.array(fc.record({ at: fc.nat(200), value: fc.constantFrom(...oddJson) }), { maxLength: 2 }),
    inMessage: fc.array(damage, { maxLength: 2 }),
    inBody: fc.array(damage, { maxLength: 1 }),
    flags: fc.constantFrom(0, 0, 0, 0, 1, 2, 0x80, 0xff),
    headers: fc.constantFrom(...oddHeaders),
    http2: fc.boolean(),
  })
  .map(({ template: [method, value], protocol, json, replacements, inMessage, inBody, flags, headers, http2 }) => {
    const encoded = json
      ? Buffer.from(withOdd(value, replacements))
      : Buffer.from(toBinary(inputOf(method), fromJson(inputOf(method), value)));
    const message = damaged(encoded, inMessage);
    const unary = protocol === 'connect' && method.methodKind === 'unary';
    const codec = json ? 'json' : 'proto';
    const type = protocol === 'connect' ? (unary ? codec : `connect+${codec}`) : `${protocol}+${codec}`;
    return {
      httpVersion: http2 || protocol === 'grpc' ? '2' : '1.1',
      path: `/${method.parent.typeName}/${method.name}`,
      headers: {
        'content-type': `application/${type}`,
        te: 'trailers',
        'connect-timeout-ms': '1500',
        'grpc-timeout': '1500m',
        ...headers,
      },
      body: damaged(unary ? message : envelope(message, flags), inBody),
    };
  });
