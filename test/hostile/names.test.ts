import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drain, type HostileBus, post, refusal, startBus } from './bus.js';
import { open, rawRequest } from './raw-http.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const odd = [
  '',
  '.',
  '..',
  '../..',
  '/',
  'a/b',
  '/topics',
  'a\u0000b',
  'a%2fb',
  'a\r\nx-evil: 1',
  'x'.repeat(250),
  'x'.repeat(1_000),
  'x'.repeat(100_000),
  '😀',
  'ordinär',
  'a b',
  ' events',
  '__consumer_offsets',
  '‮events',
];
/** Possible names of topics, each of which is something else somewhere. */
const trap = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'CON', '...', '-', 'x'.repeat(249)];

test('every odd topic name is refused wherever one can be given, and nothing comes of it', async () => {
  const before = (await bus.client.topics.list()).map(({ name }) => name);
  const { client } = bus;
  for (const topic of odd) {
    const calls: Record<string, () => Promise<unknown>> = {
      publish: () => client.publish({ topic, events: [{ payload: '1' }] }),
      subscribe: () => drain(client.frames({ topic, follow: false })),
      create: () => client.topics.create({ topic, settings: { schemaless: true } }),
      apply: () => client.topics.apply({ topic, settings: { schemaless: true } }),
      get: () => client.topics.get(topic),
      delete: () => client.topics.delete(topic),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await refusal(call());
      expect(error, `${name} ${topic.slice(0, 30)}`).toMatchObject({
        code: 'invalid_argument',
        reason: 'TOPIC_NAME_INVALID',
      });
      expect(error.message.length).toBeLessThan(500);
    }
  }
  expect((await client.topics.list()).map(({ name }) => name)).toEqual(before);
});

test('names that are something else elsewhere are names like others', async () => {
  const { client } = bus;
  for (const topic of trap) {
    if (topic.startsWith('__')) continue;
    expect(await refusal(client.publish({ topic, events: [{ payload: '1' }] }))).toMatchObject({
      reason: 'TOPIC_NOT_FOUND',
    });
    expect(await refusal(drain(client.frames({ topic })))).toMatchObject({ reason: 'TOPIC_NOT_FOUND' });
    await client.topics.create({ topic, settings: { schemaless: true } });
    const payload = JSON.stringify({ topic });
    await client.publish({ topic, events: [{ payload, attributes: { constructor: 'c' } }] });
    expect(await bus.stored(topic)).toEqual([payload]);
    await client.topics.delete(topic);
  }
});

test('odd subscriber names are told apart or refused, and reach no one else’s position', async () => {
  const { client } = bus;
  await client.publish({ topic: 'events', events: [{ payload: '1' }, { payload: '2' }] });
  const possible = ['..', 'a/b', 'a%2fb', '😀', 'ordinär', '__proto__', 'offsets', 'x'.repeat(200), '. .'];
  for (const subscriber of possible) {
    const frames = await drain(client.frames({ topic: 'events', subscriber, limit: 1 }));
    const ready = frames[0]?.case === 'ready' ? frames[0].value : undefined;
    const events = frames.find((frame) => frame.case === 'events')?.value;
    // Each starts anew: nobody has moved its position.
    expect(events?.records[0]?.offset, subscriber).toBe(0n);
    const generation =
      ready?.assignment?.generation ?? frames.find((frame) => frame.case === 'assignment')?.value.generation;
    if (generation !== undefined && events) {
      // The stream is over, its generation may be; either way the answer is typed.
      await client
        .commit({ subscriber, cursor: events.cursor, generation })
        .catch((error: unknown) => refusal(Promise.reject(error)));
    }
  }
  for (const subscriber of ['x'.repeat(201), 'a\u0000b', 'x'.repeat(100_000)]) {
    expect(await refusal(drain(client.frames({ topic: 'events', subscriber })))).toMatchObject({
      code: 'invalid_argument',
      reason: 'SUBSCRIBER_NAME_INVALID',
    });
  }
  await bus.check();
});

test('odd paths and header injection: a clear answer, no header of the client’s making, and no way to another route', async () => {
  const paths = [
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/livez%00',
    '/mainstem.v1.PublishService/Publish%0d%0ax-evil:1',
    '/mainstem.v1.PublishService/__proto__',
    '/constructor',
    '/__proto__',
    `/${'x'.repeat(10_000)}`,
    '//livez',
    '/😀',
  ];
  for (const path of paths) {
    const answer = await rawRequest(bus.port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(answer, path).toMatch(/^HTTP\/1\.1 (400|404) /);
    expect(answer.split('\r\n\r\n')[0], path).not.toMatch(/evil|passwd/);
    expect(answer.length, path).toBeLessThan(2_000);
  }
  const smuggled = [
    'POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET /livez HTTP/1.1\r\nhost: x\r\nx: a\nevil: 1\r\n\r\n',
    'GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12',
    'GET /livez HTTP/1.1\r\nhost: x\r\n x: folded\r\n\r\n',
    'GET /livez HTTP/1.1\r\nhost : x\r\n\r\n',
    'GET /livez HTTP/1.1\r\n\r\n',
    `GET /livez HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(40_000)}\r\n\r\n`,
    'GET /livez HTTP/9.9\r\nhost: x\r\n\r\n',
    '\u0000\u0001\u0002\u0003\r\n\r\n',
  ];
  for (const request of smuggled) {
    expect(await rawRequest(bus.port, request), request.slice(0, 60)).toMatch(/^HTTP\/1\.1 4\d\d |^$/);
  }
  // The address that the welcome shows is the one that the client asked for: it must not become a header, or markup that lies.
  const asking = await open(bus.port);
  asking.write('GET / HTTP/1.1\r\nhost: evil"$(id)\r\nconnection: close\r\n\r\n');
  const welcome = await text(asking);
  expect(welcome).toMatch(/^HTTP\/1\.1 (200|400) /);
  expect(welcome).not.toContain('$(id)');
  const answer = await post(
    bus.address,
    'PublishService/Publish',
    JSON.stringify({ topic: 'a\r\nx-evil: 1', events: [{ json: 1 }] }),
  );
  expect(answer).toMatchObject({ status: 400, reason: 'TOPIC_NAME_INVALID' });
  await bus.check();
});
