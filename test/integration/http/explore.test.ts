import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient, type MainstemClient } from '../../../src/client/index.js';
import { openApp } from '../../support/app-stand.js';
import { driverPairs } from '../../support/pairs.js';
import { until } from '../../support/wait.js';
import { cli } from '../../unit/cli/run-cli.js';

interface Answer {
  readonly status: number;
  readonly type: string | null;
  // What a test asserts of a body is up to it.
  readonly body: Record<string, never> & Readonly<Record<string, unknown>>;
}

describe.each(await driverPairs())('exploration on $name', (pair) => {
  async function open() {
    const stand = await openApp(pair);
    const client = createMainstemClient({ address: stand.address });
    onTestFinished(() => client.close());
    const get = async (path: string): Promise<Answer> => {
      const answer = await fetch(`${stand.address}${path}`);
      return { status: answer.status, type: answer.headers.get('content-type'), body: JSON.parse(await answer.text()) };
    };
    return { ...stand, client, get, people: await stand.topic('people', { partitions: 3 }) };
  }

  const person = (i: number, more: object = {}) => ({
    firstName: `Ada ${i}`,
    lastName: 'Lovelace',
    age: i % 90,
    ...more,
  });

  async function publish(client: MainstemClient, topic: string, events: readonly object[]): Promise<void> {
    await client.publish({ topic, events: events.map((data) => ({ data })) });
  }

  test('tells the topics, with rate and size, as the RPC and the command do', async () => {
    const { client, get, people, address } = await open();
    expect((await get(`/v1/topics/${people}`)).body).toMatchObject({ sizeBytes: 0, eventsPerSecond: 0 });
    const noise = { lastName: randomBytes(400).toString('hex') };
    await publish(
      client,
      people,
      Array.from({ length: 30 }, (_, i) => person(i, noise)),
    );

    const list = await get('/v1/topics');
    expect(list).toMatchObject({ status: 200, type: 'application/json' });
    expect(list.body['topics']).toContainEqual({
      name: people,
      state: 'active',
      partitions: 3,
      schemaVersion: 1,
      schemaless: false,
      links: {
        self: `/v1/topics/${people}`,
        events: `/v1/topics/${people}/events`,
        profile: `/v1/topics/${people}/profile`,
        schema: `/v1/topics/${people}/schemas/1`,
      },
    });
    const first = await get('/v1/topics?limit=1');
    expect(first.body['topics']).toHaveLength(1);
    const second = await get(`/v1/topics?limit=1&after=${first.body['next']}`);
    expect(second.body['topics']).not.toEqual(first.body['topics']);

    const { body, status } = await get(`/v1/topics/${people}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: people, eventsPerSecond: 0.5, settings: { partitions: 3, retentionBytes: 0 } });
    expect(body['sizeBytes']).toBeGreaterThan(30 * 800);
    expect(body['partitionStatus']).toHaveLength(3);
    const rates = (body['partitionStatus'] ?? []) as { recordsAtMost: number; eventsPerSecond: number }[];
    expect(rates.reduce((sum, { recordsAtMost }) => sum + recordsAtMost, 0)).toBe(30);
    expect(rates.reduce((sum, { eventsPerSecond }) => sum + eventsPerSecond, 0)).toBeCloseTo(0.5);
    expect(body['schemas']).toMatchObject([{ version: 1, state: 'active', link: `/v1/topics/${people}/schemas/1` }]);

    const rpc = await client.topics.get(people);
    expect(rpc.sizeBytes).toBe(BigInt(String(body['sizeBytes'])));
    expect(rpc.eventsPerSecond).toBe(0.5);
    const shown = await cli(address, ['topics', 'show', people]);
    expect(shown.out).toMatch(/events per second +0\.5 *\n/);
    expect(shown.out).toMatch(/size +\d+\.\d KiB *\n/);

    const schema = await get(`/v1/topics/${people}/schemas/1`);
    expect(schema.body).toMatchObject({ topic: people, version: 1, state: 'active', definition: { type: 'object' } });
    expect((await get(`/v1/topics/${people}/schemas/latest`)).body).toEqual(schema.body);
    expect(await get(`/v1/topics/${people}/schemas/7`)).toMatchObject({
      status: 404,
      body: { reason: 'SCHEMA_VERSION_NOT_FOUND' },
    });
    expect(await get('/v1/topics/nobody')).toMatchObject({ status: 404, body: { reason: 'TOPIC_NOT_FOUND' } });
  });

  test('one record is its line; where there is none the error says what is near', async () => {
    const { client, get, people, address } = await open();
    const payload = '{"firstName":"Ada",\n "lastName":"Lovelace","age":36.0, "big":12345678901234567890}';
    const [result] = await client.publish({
      topic: people,
      events: [{ payload, key: 'ada', id: '1', source: '/test' }],
    });
    const { partition = 0, offset = 0n } = result ?? {};
    const answer = await fetch(`${address}/v1/topics/${people}/events/${partition}/${offset}`);
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(text.endsWith(`"id":"1","source":"/test","data":${payload.replace('\n', ' ')}}\n`)).toBe(true);
    expect(JSON.parse(text)).toMatchObject({
      topic: people,
      partition,
      offset: Number(offset),
      key: 'ada',
      schemaVersion: 1,
    });

    const at = (where: string) => get(`/v1/topics/${people}/events/${where}`);
    expect(await at(`${partition}/1`)).toMatchObject({
      status: 404,
      body: {
        reason: 'RECORD_NOT_FOUND',
        detail: `there is no record at offset 1 in partition ${partition} of ${people} yet; it begins at 0, and the next record will have offset 1`,
        metadata: { earliest: '0', highWatermark: '1' },
      },
    });
    const empty = (Number(partition) + 1) % 3;
    expect((await at(`${empty}/0`)).body['detail']).toMatch(/it holds none; the next one will have offset 0/);
    expect(await at('3/0')).toMatchObject({ status: 404, body: { reason: 'RECORD_NOT_FOUND' } });
    expect((await at('3/0')).body['detail']).toBe(`${people} has 3 partitions, from 0 to 2; there is no 3`);
    for (const bad of ['0/-1', '0/1.5', 'a/0', '0/99999999999999999', '0/%20', '0/0x1']) {
      expect(await at(bad), bad).toMatchObject({ status: 400, body: { reason: 'INVALID_REQUEST' } });
    }
  });

  test('a profile says what the newest events look like, and which were looked at', async () => {
    const { client, get, people, topic } = await open();
    await publish(
      client,
      people,
      Array.from({ length: 600 }, (_, i) => person(i, i % 3 === 0 ? { pets: ['x', `p${i}`] } : {})),
    );
    const all = (await get(`/v1/topics/${people}/profile`)).body;
    expect(all).toMatchObject({
      topic: people,
      records: 600,
      events: 600,
      notJson: 0,
      tombstones: 0,
      all: true,
      valuesLeft: 0,
    });
    expect(all).not.toHaveProperty('cut');
    const fields = new Map(((all['fields'] ?? []) as { path: string }[]).map((field) => [field.path, field]));
    expect(fields.get('/age')).toMatchObject({
      presence: 1,
      types: { integer: 600 },
      distinct: { count: 90, exact: true },
      numbers: { min: 0, max: 89 },
    });
    expect(fields.get('/pets')).toMatchObject({ presence: 0.3333, events: 200, arrayLengths: { min: 2, max: 2 } });
    const names = fields.get('/firstName') as unknown as { distinct: { count: number; exact: boolean } };
    expect(names.distinct.exact).toBe(false);
    expect(Math.abs(names.distinct.count - 600)).toBeLessThan(40);

    const some = (await get(`/v1/topics/${people}/profile?last=7`)).body;
    expect(some).toMatchObject({ records: 7, all: false });
    const ranges = (some['ranges'] ?? []) as { partition: number; from: number; to: number }[];
    expect(ranges.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(7);
    const { partitions } = await client.topics.get(people);
    for (const { partition, to } of ranges) expect(BigInt(to)).toBe(partitions[partition]?.highWatermark);

    expect((await get(`/v1/topics/${people}/profile?last=0`)).body['detail']).toMatch(/from 1 to 1000000/);
    expect((await get(`/v1/topics/${people}/profile?first=3`)).body['detail']).toMatch(
      /"first" is not one of this route; possible are last/,
    );
    const empty = (await get(`/v1/topics/${await topic(undefined)}/profile`)).body;
    expect(empty).toMatchObject({ records: 0, fields: [], ranges: [] });
  });

  test('subscribers show what the command shows', async () => {
    const { client, get, people } = await open();
    const name = 'mart / Ü';
    await publish(client, people, [person(1), person(2), person(3)]);
    for await (const frame of client.frames({
      topic: people,
      subscriber: name,
      follow: false,
      commitMode: 'on_delivery',
    })) {
      if (frame.case === 'end') break;
    }
    // The stream's record goes after its last frame: with ZooKeeper, one request later.
    const found = await until(
      async () => {
        const answer = await get(`/v1/subscribers/${encodeURIComponent(name)}`);
        return answer.body['connected'] === 0 && answer;
      },
      { what: 'the stream to have left' },
    );
    expect(found).toMatchObject({ status: 200, body: { name, topics: [people] } });
    expect(found.body['positions']).toHaveLength(3);
    const list = (await get('/v1/subscribers')).body['subscribers'];
    expect(list).toContainEqual(
      expect.objectContaining({ name, links: { self: '/v1/subscribers/mart%20%2F%20%C3%9C' } }),
    );
    expect(await get('/v1/subscribers/nobody')).toMatchObject({
      status: 404,
      body: { reason: 'SUBSCRIBER_NOT_FOUND' },
    });
  });
});
