import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpBus, openHttpBus } from '../../support/http-bus.js';

let bus: HttpBus;
let topics = 0;

beforeAll(async () => {
  bus = await openHttpBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

async function newTopic(): Promise<string> {
  const name = `again${topics++}`;
  await bus.topics.create({ name, settings: { schemaless: true, partitions: 3 }, adopt: false });
  return name;
}

/** The answer's lines; of a JSON answer, its one. */
async function post(topic: string, body: string, headers: Record<string, string>, query = '') {
  const answer = await fetch(`${bus.url}/v1/topics/${topic}/events${query}`, { method: 'POST', body, headers });
  const lines = (await answer.text()).trim().split('\n');
  return { status: answer.status, lines: lines.map((line) => JSON.parse(line)) };
}

const json = { 'content-type': 'application/json' };
const ndjson = { 'content-type': 'application/x-ndjson' };
const payloads = async (topic: string) => (await bus.stored(topic)).map(({ payload }) => payload);

test('a batch that is sent again with its key is stored once, and answered with the places of the first time', async () => {
  const topic = await newTopic();
  const headers = { ...json, 'idempotency-key': 'order-17' };
  const first = await post(topic, '[{"n":1},{"n":2}]', headers);
  const again = await post(topic, '[{"n":1},{"n":2}]', headers);
  const [{ results }] = first.lines;
  expect(again.lines[0].results).toEqual(results.map((result: object) => ({ ...result, duplicate: true })));
  expect(await payloads(topic)).toEqual(['{"n":1}', '{"n":2}']);
  const other = await post(topic, '[{"n":1},{"n":3}]', headers);
  expect(other).toMatchObject({ status: 409, lines: [{ reason: 'EVENT_ID_REUSED', retryable: false }] });
  expect(await payloads(topic)).toHaveLength(2);
});

test('the id of a CloudEvent is its identity', async () => {
  const topic = await newTopic();
  const headers = { ...json, 'ce-specversion': '1.0', 'ce-id': '7', 'ce-source': '/shop', 'ce-type': 'sold' };
  await post(topic, '{"n":1}', headers);
  expect((await post(topic, '{"n":1}', headers)).lines[0].results).toMatchObject([{ duplicate: true }]);
  expect((await post(topic, '{"n":2}', headers)).status).toBe(409);
  expect((await post(topic, '{"n":1}', { ...headers, 'ce-source': '/other' })).lines[0].results[0]).not.toHaveProperty(
    'duplicate',
  );
});

test('an upload that was cut is sent again whole, however it was divided, and every line is stored once', async () => {
  const topic = await newTopic();
  const headers = { ...ndjson, 'idempotency-key': 'upload-1' };
  const lines = Array.from({ length: 3_000 }, (_, n) => `{"n":${n}}`);
  const part = await post(topic, `${lines.slice(0, 1_234).join('\n\n')}\n`, headers);
  expect(part.lines).toMatchObject([{ summary: { accepted: 1_234 } }]);
  const whole = await post(topic, lines.join('\n\n'), headers, '?results=all');
  expect(whole.lines.filter(({ duplicate }) => duplicate === true)).toHaveLength(1_234);
  expect(whole.lines.at(-1)).toMatchObject({ summary: { accepted: 3_000, rejected: 0 } });
  expect((await payloads(topic)).sort()).toEqual([...lines].sort());

  const atOnce = await post(topic, lines.slice(0, 10).join('\n\n'), headers, '?mode=all_or_nothing&results=all');
  expect(atOnce.lines.filter(({ duplicate }) => duplicate === true)).toHaveLength(10);
});

test('a key that is empty or too long is refused', async () => {
  const topic = await newTopic();
  for (const key of ['', 'k'.repeat(256)]) {
    expect(await post(topic, '1', { ...json, 'idempotency-key': key })).toMatchObject({
      status: 400,
      lines: [{ reason: 'INVALID_REQUEST' }],
    });
  }
});
