import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpBus, openHttpBus } from '../../support/http-bus.js';
import { http2 } from '../../support/http2-call.js';

let bus: HttpBus;
let topics = 0;
let ids = 1;

beforeAll(async () => {
  bus = await openHttpBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

async function newTopic(settings: object = { schemaless: true }, schema?: string): Promise<string> {
  const name = `t${topics++}`;
  await bus.topics.create({ name, settings, adopt: false, ...(schema !== undefined && { schema }) });
  return name;
}

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function post(
  topic: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
  query = '',
): Promise<Reply> {
  const answer = await fetch(`${bus.url}/v1/topics/${topic}/events${query}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
}

const payloads = async (topic: string) => (await bus.stored(topic)).map(({ payload }) => payload);
const person = JSON.stringify({
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
});

test('an object is an event, an array a batch; the answer has the positions', async () => {
  const topic = await newTopic({}, person);
  const one = await post(topic, '{"name":"Ada"}');
  expect(one).toMatchObject({
    status: 200,
    body: { results: [{ status: 'stored', partition: 0, offset: 0, schemaVersion: 1 }], warnings: [] },
  });
  expect(one.headers.get('content-type')).toBe('application/json');
  const two = await post(topic, ' [{"name":"B"} ,\n{"name":"C"}]');
  expect(two.body.results).toMatchObject([{ offset: 1 }, { offset: 2 }]);
  expect(await payloads(topic)).toEqual(['{"name":"Ada"}', '{"name":"B"}', '{"name":"C"}']);
});

test('payloads are stored byte for byte: as a body, in an array, as the data of a CloudEvent, on a line', async () => {
  const topic = await newTopic({ schemaless: true, partitions: 1 });
  const awkward = fc.constantFrom(
    '12345678901234567890',
    '1.0',
    '-0',
    '1e400',
    '"\\u0041\\/"',
    '{"a":1,"a":2}',
    '{ "__proto__" : [ ] }',
    '"é\u2028😀"',
  );
  const value = fc.oneof(
    awkward,
    fc.json(),
    fc.array(awkward).map((items) => `[ ${items.join(' , ')}\t]`),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('\n', ' ', '\r\n\t', ''),
      async (values, gap) => {
        const before = (await bus.stored(topic)).length;
        const [first = ''] = values;
        // Each with an id of its own: with one that was there before it would be the same event, or be refused.
        const envelope = (data: string) =>
          `{${gap}"id":"${ids++}","source":"/s",${gap}"d\\u0061ta":${gap}${data}${gap},"specversion":"1.0","type":"t"}`;
        const single = `${gap}${first}${gap}`;
        const expected: string[] = [];
        if (!single.trimStart().startsWith('[')) {
          expect((await post(topic, single)).status).toBe(200);
          expected.push(single);
        }
        expect((await post(topic, `${gap}[${gap}${values.join(`${gap},${gap}`)}${gap}]${gap}`)).status).toBe(200);
        expect((await post(topic, envelope(first), { 'content-type': 'application/cloudevents+json' })).status).toBe(
          200,
        );
        const batch = `[${values.map(envelope).join(`${gap},`)}]`;
        expect((await post(topic, batch, { 'content-type': 'application/cloudevents-batch+json' })).status).toBe(200);
        const ce = { 'ce-specversion': '1.0', 'ce-id': String(ids++), 'ce-source': '/s', 'ce-type': 't' };
        expect((await post(topic, single, ce)).status).toBe(200);
        const lines = values.map((each) => each.replaceAll(/[\r\n]/g, ' '));
        const upload = await fetch(`${bus.url}/v1/topics/${topic}/events`, {
          method: 'POST',
          body: lines.join('\r\n'),
          headers: { 'content-type': 'application/x-ndjson' },
        });
        expect(JSON.parse(await upload.text())).toMatchObject({ summary: { accepted: values.length } });
        expected.push(...values, first, ...values, single, ...lines);
        expect((await payloads(topic)).slice(before)).toEqual(expected);
      },
    ),
    { numRuns: 30 },
  );
});

test('an array that is a payload itself goes inside an array, or as the data of a CloudEvent', async () => {
  const topic = await newTopic();
  await post(topic, '[[1,2]]');
  await post(topic, '[3]', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' });
  await post(topic, '[4]', { 'content-type': 'application/vnd.list+json; charset=UTF-8' });
  const stored = await bus.stored(topic);
  expect(stored.map(({ payload }) => payload)).toEqual(['[1,2]', '[3]', '[4]']);
  expect(stored[2]?.attributes).toEqual({ datacontenttype: 'application/vnd.list+json; charset=UTF-8' });
});

test('what is invalid refuses the whole request with its violations; with mode=independent each event has its result', async () => {
  const topic = await newTopic({}, person);
  const events = '[{"name":"A"},{"name":1,"age":-1},{"name":"C"}]';
  const refused = await post(topic, events);
  expect(refused).toMatchObject({
    status: 422,
    body: {
      type: 'urn:mainstem:error:SCHEMA_VIOLATION',
      reason: 'SCHEMA_VIOLATION',
      retryable: false,
      violations: expect.arrayContaining([{ event: 1, pointer: '/age', rule: 'minimum', message: expect.any(String) }]),
    },
  });
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(await payloads(topic)).toEqual([]);

  const independent = await post(topic, events, {}, '?mode=independent');
  expect(independent).toMatchObject({
    status: 207,
    body: { results: [{ status: 'stored' }, { status: 'rejected', reason: 'SCHEMA_VIOLATION' }, { status: 'stored' }] },
  });
  expect((await post(topic, '[{"name":"D"}]', {}, '?mode=independent')).status).toBe(200);
  expect(await payloads(topic)).toEqual(['{"name":"A"}', '{"name":"C"}', '{"name":"D"}']);
});

test('the key comes from the query, a header or the key pointer; what contradicts itself is refused', async () => {
  const topic = await newTopic({ schemaless: true, keyPointer: '/k' });
  expect((await post(topic, '{"k":"p"}')).status).toBe(200);
  expect((await post(topic, '{"k":"p"}', {}, '?key=caf%C3%A9+1')).status).toBe(200);
  expect((await post(topic, '{"k":"p"}', { 'mainstem-key': 'caf%C3%A9%201' })).status).toBe(200);
  expect((await post(topic, '{"k":"p"}', { 'mainstem-key': '"a\\"b"' }, '?key=a%22b')).status).toBe(200);
  expect((await bus.stored(topic)).map(({ key }) => key)).toEqual(['p', 'café 1', 'café 1', 'a"b']);

  const conflicting = await post(topic, '{}', { 'mainstem-key': 'a' }, '?key=b');
  expect(conflicting).toMatchObject({
    status: 400,
    body: { reason: 'INVALID_REQUEST', detail: expect.stringContaining('conflicting') },
  });
  for (const [query, headers] of [
    ['?key=', {}],
    ['?key=%ff', {}],
    ['', { 'mainstem-key': '%ff' }],
    ['', { 'mainstem-key': '' }],
    ['?key=a&key=a', {}],
    ['?kye=a', {}],
    ['?mode=some', {}],
    ['?schema_version=0', {}],
    ['?results=all', {}],
  ] as const) {
    expect(await post(topic, '{}', headers, query), `${query} ${JSON.stringify(headers)}`).toMatchObject({
      status: 400,
      body: { reason: 'INVALID_REQUEST' },
    });
  }
  expect(await bus.stored(topic)).toHaveLength(4);
});

test('where the key pointer finds nothing the answer warns, once, and keyRequired refuses', async () => {
  const topic = await newTopic({ schemaless: true, keyPointer: '/k' });
  expect(await post(topic, '[{"k":"a"},{"K":"b"},{"k":null}]')).toMatchObject({
    status: 200,
    body: { warnings: [expect.stringContaining('the key pointer /k found no key in 2 of 3 events')] },
  });
  expect(await post(topic, '{"K":"b"}', {}, '?key=b')).toMatchObject({ status: 200, body: { warnings: [] } });

  const strict = await newTopic({ schemaless: true, keyPointer: '/k', keyRequired: true });
  const events = '[{"k":"a"},{"K":"b"}]';
  expect(await post(strict, events)).toMatchObject({
    status: 422,
    body: { reason: 'KEY_REQUIRED', violations: [{ event: 1, pointer: '/k', rule: 'key' }] },
  });
  expect(await bus.stored(strict)).toEqual([]);
  expect(await post(strict, events, {}, '?mode=independent')).toMatchObject({
    status: 207,
    body: { results: [{ status: 'stored' }, { status: 'rejected', reason: 'KEY_REQUIRED' }], warnings: [] },
  });
});

test('a number is a key by its exact digits, or refused', async () => {
  const topic = await newTopic({ schemaless: true, keyPointer: '/k' });
  for (const n of ['12345678901234567890', '12345678901234567891', '1', '1.0', '1e0', '0.5']) {
    expect((await post(topic, `{"k":${n}}`)).status).toBe(200);
  }
  const keys = ['12345678901234567890', '12345678901234567891', '1', '1', '1', '0.5'];
  expect((await bus.stored(topic)).map(({ key }) => key)).toEqual(keys);
  for (const n of ['1e999999999', '0.1000000000000000055', '1e-400']) {
    expect(await post(topic, `[{"k":1},{"k":${n}}]`)).toMatchObject({
      status: 422,
      body: { reason: 'KEY_NOT_EXACT', violations: [{ event: 1, pointer: '/k', rule: 'key' }] },
    });
  }
  expect(await bus.stored(topic)).toHaveLength(keys.length);
});

test('what is not JSON in UTF-8 is a 415 that says what is possible', async () => {
  const topic = await newTopic();
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'application/json; charset=iso-8859-1',
    'application/cloudevents+avro',
    'application/cloudevents-batch+avro',
    'application/vnd.kafka.json.v2+json',
    'application/vnd.kafka.v2+json; charset=utf-8',
    'Application/Vnd.Kafka.JSONSchema.v2+JSON',
    'application/vnd.kafka.avro.v2+json',
    'nonsense',
    '',
  ]) {
    const answer = await post(topic, '{}', { 'content-type': type });
    expect(answer, type).toMatchObject({ status: 415, body: { title: 'Unsupported Media Type' } });
    expect(answer.headers.get('accept-post')).toContain('application/x-ndjson');
  }
  expect((await post(topic, '{}', { 'content-type': 'application/x-www-form-urlencoded' })).body.detail).toContain(
    '-H',
  );
  expect(await payloads(topic)).toEqual([]);
  const { detail } = (await post(topic, '{}', { 'content-type': 'application/vnd.kafka.json.v2+json' })).body;
  expect(detail).toMatch(/Kafka REST proxy.*application\/json \(one, or an array\).*application\/x-ndjson/);
  for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'text/json']) {
    expect((await post(topic, '{}', { 'content-type': type })).status, type).toBe(200);
  }
});

test('bodies may come in gzip, bounded by what they unpack to; other codings are a 415', async () => {
  const topic = await newTopic();
  expect((await post(topic, gzipSync('[1,2]'), { 'content-encoding': 'gzip' })).status).toBe(200);
  expect(await payloads(topic)).toEqual(['1', '2']);
  const bomb = gzipSync(Buffer.alloc(17 * 1024 * 1024, 0x20));
  expect(bomb.length).toBeLessThan(100_000);
  expect(await post(topic, bomb, { 'content-encoding': 'gzip' })).toMatchObject({
    status: 413,
    body: { reason: 'REQUEST_TOO_LARGE' },
  });
  expect(await post(topic, '{}', { 'content-encoding': 'gzip' })).toMatchObject({
    status: 400,
    body: { reason: 'INVALID_REQUEST' },
  });
  const other = await post(topic, '{}', { 'content-encoding': 'br' });
  expect([other.status, other.headers.get('accept-encoding')]).toEqual([415, 'gzip, identity']);
});

test('each limit and each refusal has its status', async () => {
  const topic = await newTopic({ schemaless: true, maxEventBytes: 1024 });
  expect(await post('missing', '{}')).toMatchObject({ status: 404, body: { reason: 'TOPIC_NOT_FOUND' } });
  expect(await post(topic, `"${'x'.repeat(2000)}"`)).toMatchObject({
    status: 413,
    body: { reason: 'EVENT_TOO_LARGE' },
  });
  expect(await post(topic, `[${'1,'.repeat(10_000)}1]`)).toMatchObject({
    status: 413,
    body: { reason: 'BATCH_TOO_LARGE' },
  });
  expect(await post(topic, Buffer.alloc(17 * 1024 * 1024, 0x20))).toMatchObject({
    status: 413,
    body: { reason: 'REQUEST_TOO_LARGE' },
  });
  expect(await post(topic, '[]')).toMatchObject({ status: 400, body: { reason: 'INVALID_REQUEST' } });
  expect(await post(topic, '')).toMatchObject({ status: 400, body: { reason: 'PAYLOAD_NOT_JSON' } });
  expect(await post(topic, '{"a":}')).toMatchObject({ status: 400, body: { reason: 'PAYLOAD_NOT_JSON' } });
  expect(await post(topic, '[1,{"a":}]')).toMatchObject({
    status: 400,
    body: { reason: 'PAYLOAD_NOT_JSON', violations: [{ event: 1 }] },
  });
  expect(await post(topic, '\ufeff{}')).toMatchObject({ status: 400, body: { reason: 'PAYLOAD_NOT_JSON' } });
  expect(await post(topic, Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({
    status: 400,
    body: { reason: 'PAYLOAD_NOT_JSON' },
  });
  expect(await post(topic, `${'['.repeat(101)}${']'.repeat(101)}`)).toMatchObject({ status: 200 });
  expect(await post(topic, `${'['.repeat(102)}${']'.repeat(102)}`)).toMatchObject({
    status: 400,
    body: { reason: 'PAYLOAD_NOT_JSON' },
  });
  expect(await post(topic, '1', {}, '?schema_version=7')).toMatchObject({
    status: 404,
    body: { reason: 'SCHEMA_VERSION_NOT_FOUND' },
  });
  const wrong = await fetch(`${bus.url}/v1/topics/${topic}/events`, { method: 'DELETE' });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')).toContain('POST');
});

test('a full buffer is a 429, and a log that is away a 503, both with Retry-After', async () => {
  await using small = await openHttpBus({}, { bufferBytes: 2000, topicBufferBytes: 2000 });
  await small.topics.create({ name: 't', settings: { schemaless: true }, adopt: false });
  const send = () =>
    fetch(`${small.url}/v1/topics/t/events`, {
      method: 'POST',
      body: `"${'x'.repeat(3000)}"`,
      headers: { 'content-type': 'application/json' },
    });
  const full = await send();
  expect([full.status, full.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await full.json()).toMatchObject({ reason: 'OVERLOADED', retryable: true, retryAfterMs: 250 });
  await small.publisher.drain();
  const closing = await send();
  expect([closing.status, closing.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await closing.json()).toMatchObject({ reason: 'SHUTTING_DOWN' });
});

test('the same over HTTP/2', async () => {
  const topic = await newTopic();
  const path = `/v1/topics/${topic}/events`;
  const answer = await http2(bus.url, path, 'application/json', [Buffer.from('[1.0'), Buffer.from(',2]')]);
  expect([answer.status, JSON.parse(answer.text)]).toMatchObject([200, { results: [{ offset: 0 }, { offset: 1 }] }]);
  const refused = await http2(bus.url, path, 'text/plain', Buffer.from('x'));
  expect([refused.status, refused.headers['accept-post']]).toEqual([415, expect.stringContaining('json')]);
  const large = await http2(bus.url, path, 'application/json', Buffer.alloc(17 * 1024 * 1024, 0x20));
  expect(large.status).toBe(413);
  const lines = await http2(bus.url, path, 'application/jsonl', [Buffer.from('3\n4'), Buffer.from('\n5')], {
    'mainstem-key': 'k',
  });
  expect([lines.status, JSON.parse(lines.text)]).toMatchObject([200, { summary: { lines: 3, accepted: 3 } }]);
  expect((await bus.stored(topic)).map(({ payload, key }) => [payload, key])).toEqual([
    ['1.0', undefined],
    ['2', undefined],
    ['3', 'k'],
    ['4', 'k'],
    ['5', 'k'],
  ]);
});

test('nothing of all that was an internal error', () => {
  expect(bus.logged).toEqual([]);
});
