import { CloudEvent, HTTP } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpStand, openHttpStand } from '../../support/http-stand.js';

let stand: HttpStand;
let topics = 0;
beforeAll(async () => {
  stand = await openHttpStand();
});
afterAll(async () => {
  expect(stand.logged).toEqual([]);
  await stand[Symbol.asyncDispose]();
});

async function post(topic: string, body: string, headers: Record<string, string>) {
  const answer = await fetch(`${stand.address}/v1/topics/${topic}/events`, {
    method: 'POST',
    // fetch would add a content type to an empty text.
    body: body || null,
    headers,
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

/** The records of a topic as lines, without what differs from run to run. */
async function lines(topic: string, query = '') {
  const answer = await fetch(`${stand.address}/v1/topics/${topic}/events?from=earliest&follow=false${query}`);
  const records = (await answer.text()).split('\n').filter((line) => line.startsWith('{"topic"'));
  return records.map((line) => {
    const { topic: _topic, partition: _partition, time: _time, ...rest } = JSON.parse(line);
    return rest;
  });
}

const structured = { 'content-type': 'application/cloudevents+json' };
const batched = { 'content-type': 'application/cloudevents-batch+json' };
const attributes = { 'ce-specversion': '1.0', 'ce-source': '/s', 'ce-type': 't' };
const event = (more: object) => ({ specversion: '1.0', source: '/s', type: 't', ...more });

/** A topic whose schema no null fulfils, and which has a key pointer. */
async function strictTopic(): Promise<string> {
  const name = `strict${topics++}`;
  const schema = JSON.stringify({ type: 'object', required: ['n'] });
  await stand.bus.topics.create({ name, settings: { keyPointer: '/n' }, schema, adopt: false });
  return name;
}

describe('an event without data', () => {
  test('is stored in every mode, without asking the schema, and comes back as such', async () => {
    const topic = await strictTopic();
    expect(await post(topic, JSON.stringify(event({ id: '1', partitionkey: 'k' })), structured)).toMatchObject({
      status: 200,
      body: { results: [{ status: 'stored', offset: 0 }] },
    });
    const batch = [event({ id: '2' }), event({ id: '3', data: { n: 3 } })];
    expect((await post(topic, JSON.stringify(batch), batched)).body.results).toHaveLength(2);
    expect((await post(topic, '', { ...attributes, 'ce-id': '4' })).status).toBe(200);
    // As SDKs send it: with a content type though there is no content.
    const { headers } = HTTP.binary(new CloudEvent({ id: '5', source: '/s', type: 't' }));
    const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    expect((await post(topic, '', texts)).status).toBe(200);
    const known = { source: '/s', type: 't' };
    expect(await lines(topic)).toEqual([
      { offset: 0, key: 'k', id: '1', ...known, attributes: { partitionkey: 'k' }, noData: true },
      { offset: 1, id: '2', ...known, noData: true },
      { offset: 2, key: '3', schemaVersion: 1, id: '3', ...known, data: { n: 3 } },
      { offset: 3, id: '4', ...known, noData: true },
      expect.objectContaining({ offset: 4, id: '5', noData: true }),
    ]);
    // A null that is written down is data, which the schema refuses.
    const withNull = JSON.stringify(event({ id: '6', data: null }));
    expect(await post(topic, withNull, structured)).toMatchObject({
      status: 422,
      body: { reason: 'SCHEMA_VIOLATION' },
    });
  });

  test('is the same event when it comes again, and another one than an event with data', async () => {
    const topic = await strictTopic();
    const without = JSON.stringify(event({ id: '1', partitionkey: 'k' }));
    await post(topic, without, structured);
    expect((await post(topic, without, structured)).body.results).toMatchObject([{ offset: 0, duplicate: true }]);
    const withData = JSON.stringify(event({ id: '1', partitionkey: 'k', data: { n: 1 } }));
    expect(await post(topic, withData, structured)).toMatchObject({ body: { reason: 'EVENT_ID_REUSED' } });
  });

  test('is null to a filter, nothing to data_only, and has no value in its record', async () => {
    const topic = await strictTopic();
    await post(topic, JSON.stringify(event({ id: '1' })), structured);
    expect(await lines(topic, '&filter=payload==null')).toMatchObject([{ id: '1', noData: true }]);
    const bare = await fetch(`${stand.address}/v1/topics/${topic}/events?from=earliest&follow=false&data_only`);
    expect(await bare.text()).toBe('');
    const one = await stand.bus.exploration.record(topic, 0, 0, new AbortController().signal);
    expect(one).toMatchObject({ kind: 'none', schemaVersion: undefined, record: { value: null } });
  });

  test('plain JSON still has to have a payload', async () => {
    const topic = await strictTopic();
    expect((await post(topic, '', { 'content-type': 'application/json' })).status).toBe(400);
    expect((await post(topic, '[]', { 'content-type': 'application/json' })).status).toBe(400);
  });
});

test('an empty batch is answered without results, if the topic is there', async () => {
  const topic = await strictTopic();
  for (const body of ['[]', ' [ ]\n']) {
    expect(await post(topic, body, batched)).toEqual({ status: 200, body: { results: [], warnings: [] } });
  }
  expect(await lines(topic)).toEqual([]);
  expect(await post('nowhere', '[]', batched)).toMatchObject({ status: 404, body: { reason: 'TOPIC_NOT_FOUND' } });
});

describe('the structured mode of the Kafka binding', () => {
  const header = (text: string) => ['content-type', Buffer.from(text)] as const;
  async function foreign(value: string, type = 'application/cloudevents+json; charset=UTF-8') {
    const name = `foreign${topics++}`;
    await stand.topic(name);
    const headers = [header(type), ['trace', Buffer.from('7')] as const];
    await stand.bus.log.append(name, 0, [{ key: Buffer.from('k'), value: Buffer.from(value), headers }]);
    return name;
  }

  test.each<[string, object, object]>([
    ['data', { data: { n: 1 } }, { data: { n: 1 } }],
    ['base64 of JSON', { data_base64: 'WzEsMl0=' }, { data: [1, 2] }],
    ['base64 of other bytes', { data_base64: 'AAE=' }, { dataBase64: 'AAE=' }],
    ['no data', {}, { noData: true }],
    [
      'all attributes',
      { subject: 's', time: '2026-01-02T03:04:05Z', n: 1, datacontenttype: 'application/a+json', data: 'x' },
      {
        subject: 's',
        eventTime: '2026-01-02T03:04:05Z',
        attributes: { n: '1', datacontenttype: 'application/a+json' },
        data: 'x',
      },
    ],
  ])('is unwrapped as over HTTP: %s', async (_, more, expected) => {
    const topic = await foreign(JSON.stringify(event({ id: '1', ...more })));
    const base = { offset: 0, key: 'k', id: '1', source: '/s', type: 't', headers: [{ name: 'trace', value: '7' }] };
    expect(await lines(topic)).toEqual([{ ...base, ...expected }]);
    expect(await lines(topic, '&filter=id=="1"')).toHaveLength(1);
  });

  test('data keep their own bytes, also where fields are chosen', async () => {
    const topic = await foreign(
      '{"specversion":"1.0","id":"1","source":"/s","type":"t","data": {"n":1.0, "big":12345678901234567890}}',
    );
    const bare = async (query: string) =>
      (await fetch(`${stand.address}/v1/topics/${topic}/events?from=earliest&follow=false&data_only${query}`)).text();
    expect(await bare('')).toBe('{"n":1.0, "big":12345678901234567890}\n');
    expect(await bare('&fields=/big')).toBe('{"big":12345678901234567890}\n');
    const { fields } = await stand.bus.exploration.profile(topic, 10, new AbortController().signal);
    expect(fields.map(({ path }) => path)).toContain('/n');
  });

  test.each([
    ['no event', '{"id":"1"}', undefined],
    ['another version', JSON.stringify({ ...event({ id: '1', data: 1 }), specversion: '0.3' }), undefined],
    [
      'data that HTTP would refuse',
      JSON.stringify(event({ id: '1', datacontenttype: 'text/xml', data: '<a/>' })),
      undefined,
    ],
    ['a batch', `[${JSON.stringify(event({ id: '1', data: 1 }))}]`, 'application/cloudevents-batch+json'],
    ['no such type', JSON.stringify(event({ id: '1', data: 1 })), 'application/json'],
  ])('is delivered as it stands: %s', async (_, value, type) => {
    const topic = await foreign(value, type);
    const [line] = await lines(topic);
    expect(line).toMatchObject({ key: 'k', data: JSON.parse(value) });
    expect(line.headers).toHaveLength(2);
  });

  test('a publisher of the bus whose payload is an event gets it back as it was', async () => {
    const topic = `own${topics++}`;
    await stand.topic(topic);
    const payload = Buffer.from(JSON.stringify(event({ id: '1', data: 1 })));
    const own = { id: '7', source: '/own', type: 'x', attributes: { datacontenttype: 'application/cloudevents+json' } };
    const { signal } = new AbortController();
    await stand.bus.publisher.publish({ topic, mode: 'all_or_nothing', events: [{ payload, ...own }] }, signal);
    expect(await lines(topic)).toMatchObject([{ id: '7', data: JSON.parse(String(payload)) }]);
  });
});
