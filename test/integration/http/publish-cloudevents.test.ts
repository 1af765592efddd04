import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from 'cloudevents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpBus, openHttpBus, type StoredEvent } from '../../support/http-bus.js';
import { publishFromPython, pythonCloudEvents } from '../../support/python-cloudevents.js';

let bus: HttpBus;
let topics = 0;

beforeAll(async () => {
  bus = await openHttpBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

async function newTopic(): Promise<string> {
  const name = `ce${topics++}`;
  await bus.topics.create({ name, settings: { schemaless: true }, adopt: false });
  return name;
}

const urlOf = (topic: string) => `${bus.url}/v1/topics/${topic}/events`;

async function post(topic: string, body: string, headers: Record<string, string>, query = '') {
  const answer = await fetch(urlOf(topic) + query, { method: 'POST', body, headers });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

const attributes = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
const json = { 'content-type': 'application/json' };
const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
const batched = { 'content-type': 'application/cloudevents-batch+json' };
const event = (more: object) => JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type: 't', ...more });

test('the binary mode: attributes from headers, decoded as the binding says, and the body as it is', async () => {
  const topic = await newTopic();
  const sent = {
    ...attributes,
    'ce-subject': 'Euro%20%E2%82%AC%20100% "q"',
    'ce-time': '2026-01-02T03:04:05.678901+02:00',
    'ce-dataschema': 'https://example.com/1',
    'ce-partitionkey': '"a \\"b\\""',
    'ce-traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'ce-count': '7',
  };
  expect((await post(topic, ' {"a":1.0} ', { ...json, ...sent })).status).toBe(200);
  const [stored] = await bus.stored(topic);
  expect(stored).toMatchObject({
    id: '1',
    source: '/s',
    type: 't',
    subject: 'Euro € 100% "q"',
    time: '2026-01-02T03:04:05.678901+02:00',
    key: 'a "b"',
    payload: ' {"a":1.0} ',
    rest: [],
  });
  expect({ ...stored?.attributes }).toEqual({
    dataschema: 'https://example.com/1',
    partitionkey: 'a "b"',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    count: '7',
  });
});

test('the structured mode: data as it is written, attributes of every type, base64 that holds JSON', async () => {
  const topic = await newTopic();
  const whole =
    '{"specversion":"1.0","id":"1","source":"/s","type":"t","flag":true,"count":-7,"none":null,"datacontenttype":"application/vnd.x+json","partitionkey":"k","data": { "a" : 1.0 , "a":2 } }';
  expect((await post(topic, whole, structured)).status).toBe(200);
  expect(
    (await post(topic, event({ id: '2', data_base64: Buffer.from('{"b":1.00}').toString('base64') }), structured))
      .status,
  ).toBe(200);
  expect((await post(topic, event({ id: '3', data: null }), structured)).status).toBe(200);
  const [first, second, third] = await bus.stored(topic);
  expect(first).toMatchObject({ key: 'k', payload: '{ "a" : 1.0 , "a":2 }', id: '1' });
  expect({ ...first?.attributes }).toEqual({
    flag: 'true',
    count: '-7',
    datacontenttype: 'application/vnd.x+json',
    partitionkey: 'k',
  });
  expect(second?.payload).toBe('{"b":1.00}');
  expect(third?.payload).toBe('null');
  // The headers may repeat what the event says.
  const repeated = { ...structured, ...attributes, 'ce-id': '4' };
  expect((await post(topic, event({ id: '4', data: 1 }), repeated)).status).toBe(200);
});

test('the batched mode: all or nothing, or each for itself', async () => {
  const topic = await newTopic();
  const batch = (...ids: string[]) => `[${ids.map((id) => event({ id, data: id })).join(',')}]`;
  const answer = await post(topic, batch('1', '2'), batched);
  expect(answer).toMatchObject({ status: 200, body: { results: [{ status: 'stored' }, { status: 'stored' }] } });
  const refused = await post(topic, batch('3', ''), batched);
  expect(refused).toMatchObject({
    status: 400,
    body: { reason: 'INVALID_REQUEST', detail: 'event 1: a CloudEvent needs id' },
  });
  expect((await bus.stored(topic)).map(({ id }) => id)).toEqual(['1', '2']);
});

test.each<[string, string, Record<string, string>, number, string]>([
  ['nothing but an id', '{}', { ...json, 'ce-id': '1' }, 400, 'a CloudEvent needs source, specversion, type'],
  ['an old version', '{}', { ...json, ...attributes, 'ce-specversion': '0.3' }, 400, 'specversion is "0.3"'],
  ['data that is not JSON', 'x', { 'content-type': 'text/plain', ...attributes }, 415, 'is not JSON'],
  ['a time that is none', '{}', { ...json, ...attributes, 'ce-time': 'today' }, 400, 'RFC 3339'],
  [
    'a line break in an attribute',
    '{}',
    { ...json, ...attributes, 'ce-subject': 'a%0D%0Ace-id:%202' },
    400,
    'subject has a character',
  ],
  ['no UTF-8', '{}', { ...json, ...attributes, 'ce-subject': '%C0%A0' }, 400, 'not UTF-8'],
  ['a name that is none', '{}', { ...json, ...attributes, 'ce-my_name': 'x' }, 400, 'my_name'],
  [
    'a name of CloudEvents',
    '{}',
    { ...json, ...attributes, 'ce-datacontenttype': 'text/xml' },
    400,
    'content-type says it',
  ],
  ['an empty key', '{}', { ...json, ...attributes, 'ce-partitionkey': '' }, 400, 'partitionkey is empty'],
  [
    'a member twice',
    '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"d\\u0061ta":2}',
    structured,
    400,
    '"data" is there twice',
  ],
  ['data twice', event({ data: 1, data_base64: 'MQ==' }), structured, 400, 'data and data_base64'],
  ['base64 that is none', event({ data_base64: '?' }), structured, 400, 'not base64'],
  ['base64 of what is not JSON', event({ data_base64: 'AAECAw==' }), structured, 400, 'not JSON'],
  [
    'XML in a text',
    event({ data: '<a/>', datacontenttype: 'application/xml' }),
    structured,
    415,
    'datacontenttype is "application/xml"',
  ],
  ['an attribute that is an object', event({ data: 1, ext: {} }), structured, 400, '"ext" is not a text'],
  ['an attribute that is a fraction', event({ data: 1, ext: 1.5 }), structured, 400, '"ext" is not a text'],
  [
    'half a surrogate pair',
    '{"specversion":"1.0","id":"\\ud800","source":"/s","type":"t","data":1}',
    structured,
    400,
    'id has a character',
  ],
  ['no object', '[]', structured, 400, 'is a JSON object'],
  ['headers that say something else', event({ data: 1 }), { ...structured, 'ce-id': '2' }, 400, 'conflicting headers'],
  ['headers over a batch', `[${event({ data: 1 })}]`, { ...batched, 'ce-id': '1' }, 400, 'conflicting headers'],
  ['headers over lines', '1\n', { 'content-type': 'application/x-ndjson', ...attributes }, 400, 'conflicting headers'],
])('refused: %s', async (_, body, headers, status, detail) => {
  const topic = await newTopic();
  const answer = await post(topic, body, headers);
  expect(answer).toMatchObject({ status, body: { status, detail: expect.stringContaining(detail) } });
  expect(await bus.stored(topic)).toEqual([]);
});

test("the request's key and the event's have to agree", async () => {
  const topic = await newTopic();
  const headers = { ...json, ...attributes, 'ce-partitionkey': 'a' };
  expect((await post(topic, '1', headers, '?key=b')).body).toMatchObject({
    reason: 'INVALID_REQUEST',
    detail: expect.stringContaining('conflicting keys'),
  });
  expect((await post(topic, '1', headers, '?key=a')).status).toBe(200);
  expect((await bus.stored(topic)).map(({ key }) => key)).toEqual(['a']);
});

/** An event as the SDK's own receiver understands it, from what the bus has stored. */
function received({
  id,
  source,
  type,
  subject,
  time,
  attributes: further,
  payload,
}: StoredEvent): Record<string, unknown> {
  const { datacontenttype = 'application/json', ...extensions } = further;
  const headers = Object.entries({ specversion: '1.0', id, source, type, subject, time, ...extensions })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [`ce-${name}`, value]);
  const event = HTTP.toEvent({
    headers: { ...Object.fromEntries(headers), 'content-type': datacontenttype },
    body: payload,
  });
  return JSON.parse(JSON.stringify(event));
}

test.each([Mode.BINARY, Mode.STRUCTURED])(
  "npm's cloudevents publishes unmodified, and what it sent comes back: %s",
  async (mode) => {
    const topic = await newTopic();
    const sent = new CloudEvent({
      source: '/sdk',
      type: 'com.example.made',
      subject: 's1',
      dataschema: 'https://example.com/schema',
      partitionkey: 'k1',
      traceid: 'abc',
      data: { name: 'Ada', list: [1, 'zwei', null] },
    });
    const emit = emitterFor(httpTransport(urlOf(topic)), { mode });
    expect(await emit(sent)).toMatchObject({ body: expect.stringContaining('"status":"stored"') });
    const [stored] = await bus.stored(topic);
    if (stored === undefined) throw new Error('nothing is stored');
    expect(stored.key).toBe('k1');
    const { datacontenttype: _, ...back } = received(stored);
    expect(back).toEqual(JSON.parse(JSON.stringify(sent)));
  },
);

test("npm's cloudevents: what its HTTP binding makes goes out by fetch too, and is the same event in both modes", async () => {
  const topic = await newTopic();
  const sent = new CloudEvent({ source: '/sdk', type: 't', data: [1, 2] });
  for (const { headers, body } of [HTTP.binary(sent), HTTP.structured(sent)]) {
    const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    expect(await post(topic, String(body), texts)).toMatchObject({ status: 200 });
  }
  expect((await bus.stored(topic)).map(({ id, payload }) => [id, payload])).toEqual([[sent.id, '[1,2]']]);
});

test("PyPI's cloudevents publishes unmodified, and what it sent comes back", async (context) => {
  const python = await pythonCloudEvents();
  if ('missing' in python) {
    console.warn(`SKIPPED: the CloudEvents SDK for Python: ${python.missing}`);
    context.skip();
    return;
  }
  const topic = await newTopic();
  const sent = await publishFromPython(python, urlOf(topic));
  const stored = await bus.stored(topic);
  expect(stored).toHaveLength(sent.length);
  for (const [i, { attributes: expected, data }] of sent.entries()) {
    const { id, source, type, subject, time, attributes: further, payload } = stored[i] ?? {};
    const { datacontenttype, ...extensions } = further ?? {};
    expect({ specversion: '1.0', id, source, type, subject, ...extensions }).toEqual(
      Object.fromEntries(Object.entries(expected).filter(([name]) => name !== 'time' && name !== 'datacontenttype')),
    );
    expect(new Date(time ?? '').getTime()).toBe(new Date(expected.time ?? '').getTime());
    expect(datacontenttype ?? 'application/json').toBe(expected.datacontenttype ?? 'application/json');
    expect(JSON.parse(payload ?? '')).toEqual(data);
  }
});

test('nothing of all that was an internal error', () => {
  expect(bus.logged).toEqual([]);
});
