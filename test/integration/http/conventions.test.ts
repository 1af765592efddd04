import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { open as connectTo } from '../../hostile/raw-http.js';
import { serveBus } from '../../support/app-stand.js';
import { type Ask, openAsk } from '../../support/ask.js';
import { openBus } from '../../support/open-bus.js';

async function open(version: 1 | 2, corsOrigins: string[] = []) {
  const stand = await serveBus(await openBus(), { corsOrigins });
  const { ask, close } = openAsk(version, stand.address);
  onTestFinished(close);
  return { ...stand, ask };
}

/** The paths that are served, with methods, from the document that is made of the routes. */
async function servedPaths(ask: Ask): Promise<[path: string, methods: string[]][]> {
  const { paths } = JSON.parse((await ask('GET', '/openapi.json')).body);
  return Object.entries<object>(paths).map(([path, item]) => [
    path,
    Object.keys(item).map((each) => each.toUpperCase()),
  ]);
}

describe.each([1, 2] as const)('over HTTP/%i', (version) => {
  test('each path answers HEAD as GET, OPTIONS, and 405 with Allow for the rest', async () => {
    const { ask, topic } = await open(version);
    const people = await topic('people');
    const served = await servedPaths(ask);
    expect(served.length).toBeGreaterThan(8);
    for (const [template, methods] of served) {
      const filled: Record<string, string> = {
        topic: people,
        partition: '0',
        offset: '0',
        version: '1',
        name: 'nobody',
      };
      const path = template.replaceAll(/[{](\w+)[}]/g, (_, name: string) => filled[name] ?? '0');
      const allow = [...methods.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])), 'OPTIONS'].sort();
      const listed = (value: unknown) => String(value).split(', ').sort();

      const options = await ask('OPTIONS', path);
      expect([options.status, listed(options.headers['allow'])], path).toEqual([204, allow]);
      const wrong = await ask('PATCH', path);
      expect([wrong.status, listed(wrong.headers['allow'])], path).toEqual([405, allow]);
      expect(JSON.parse(wrong.body)).toMatchObject({ status: 405, title: 'Method Not Allowed' });
      if (!methods.includes('GET')) continue;
      const head = await ask('HEAD', path);
      expect(head.body, path).toBe('');
      // A stream is not asked for: it would go on.
      if (template.endsWith('/events')) continue;
      const get = await ask('GET', path);
      expect(head.status, path).toBe(get.status);
      expect(head.headers['content-type'], path).toBe(get.headers['content-type']);
      expect(get.body, path).not.toBe('');
      expect(await ask('GET', `${path}?nothing=1`), path).toMatchObject({ status: 400 });
    }
  });

  test('no trick in a path reaches another resource', async () => {
    const { ask } = await open(version);
    const bus = await openBus();
    const { address } = await serveBus(bus);
    const other = openAsk(version, address);
    onTestFinished(other.close);
    await bus.topics.create({ name: 'people', settings: { schemaless: true }, adopt: false });
    expect((await other.ask('GET', '/v1/topics/%70eople')).status).toBe(200);
    const tricks: [path: string, status: number][] = [
      ['/v1/topics/x%2f..%2fpeople', 400],
      ['/v1/topics/people%2fprofile', 400],
      ['/v1/topics/%2570eople', 400],
      ['/v1/topics/people%00', 400],
      ['/v1/topics/people%20', 400],
      ['/v1/topics/people%0d%0ax:y', 400],
      ['/v1/topics/%2e%2e', 400],
      ['/v1/topics/..', 400],
      ['/v1/topics/people%c3%28', 400],
      ['/v1/topics/%zz', 400],
      [`/v1/topics/${'a'.repeat(250)}`, 400],
      [`/v1/topics/${'a'.repeat(3_000)}`, 404],
      ['/v1/topics/../topics/people', 404],
      ['/v1/./topics/people', 404],
      ['/v1//topics/people', 404],
      ['/V1/topics/people', 404],
      ['/v1/topics/people/', 404],
      ['/v1/topics/people;x=1', 400],
      ['/v1/topics/people/profile/', 404],
      ['/v1/topics/', 400],
      ['/openapi.json%00', 404],
    ];
    for (const [path, status] of tricks) {
      const answer = await other.ask('GET', path);
      expect([answer.status, answer.headers['content-type']], path).toEqual([status, 'application/problem+json']);
      expect(JSON.parse(answer.body).detail, path).toBeTypeOf('string');
    }
    expect((await ask('GET', '/v1/topics/people')).status).toBe(404);
  });

  test('an Accept that cannot be met is 406; what is not there is 404 as a problem', async () => {
    const { ask } = await open(version);
    expect(await ask('GET', '/', { accept: 'image/png' })).toMatchObject({ status: 406 });
    expect((await ask('GET', '/', { accept: 'text/html' })).headers['content-type']).toMatch(/^text\/html/);
    expect((await ask('GET', '/', { accept: '*/*' })).headers['content-type']).toMatch(/^text\/plain/);
    expect(await ask('GET', '/v2/topics')).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/problem+json' },
    });
  });

  test('pages of allowed origins may call everything, others nothing', async () => {
    const page = 'https://app.example.org';
    const { ask, topic } = await open(version, [page, 'http://localhost:3000']);
    const rpc = '/mainstem.v1.TopicService/ListTopics';
    const preflight = (path: string, origin: string, method = 'POST') =>
      ask('OPTIONS', path, {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'content-type,connect-protocol-version,ce-id,x-grpc-web',
        'access-control-request-private-network': 'true',
      });
    for (const path of [rpc, '/v1/topics', '/v1/topics/x/events']) {
      const asked = await preflight(path, page);
      expect(asked, path).toMatchObject({
        status: 204,
        headers: {
          'access-control-allow-origin': page,
          'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE',
          'access-control-allow-headers': 'content-type,connect-protocol-version,ce-id,x-grpc-web',
          'access-control-max-age': '7200',
          vary: 'Origin, Access-Control-Request-Headers',
        },
      });
      expect(asked.headers).not.toHaveProperty('access-control-allow-private-network');
      expect((await preflight(path, 'https://evil.example.org')).headers).not.toHaveProperty(
        'access-control-allow-origin',
      );
    }
    const json = { 'content-type': 'application/json' };
    for (const [method, path, body] of [
      ['GET', '/v1/topics', undefined],
      ['GET', '/v1/topics/nobody', undefined],
      ['POST', rpc, '{}'],
      ['GET', '/', undefined],
    ] as const) {
      const answer = await ask(method, path, { ...(body && json), origin: page }, body);
      expect(answer.headers['access-control-allow-origin'], path).toBe(page);
      expect(String(answer.headers['access-control-expose-headers']).toLowerCase()).toMatch(/grpc-status.*retry-after/);
      expect(answer.headers['vary'], path).toBe(path === '/' ? 'Origin, Accept' : 'Origin');
      const stranger = await ask(method, path, { ...(body && json), origin: 'https://evil.example.org' }, body);
      expect(stranger.headers).not.toHaveProperty('access-control-allow-origin');
      expect(stranger.headers['vary'], path).toBe(path === '/' ? 'Origin, Accept' : 'Origin');
    }
    const stream = await ask('HEAD', `/v1/topics/${await topic(undefined)}/events`, { origin: page });
    expect(stream).toMatchObject({
      status: 200,
      headers: { 'access-control-allow-origin': page, vary: 'Origin, Accept, Accept-Encoding' },
    });
    // A call that would take the short way, were it not a page's.
    const proto = { 'content-type': 'application/proto', 'connect-protocol-version': '1', origin: page };
    expect((await ask('POST', rpc, proto, '')).headers['access-control-allow-origin']).toBe(page);
  });

  test('with * any page may call; without the setting none', async () => {
    const all = await open(version, ['*']);
    const answer = await all.ask('GET', '/v1/topics', { origin: 'null' });
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': '*' });
    expect(answer.headers).not.toHaveProperty('vary');
    const none = await open(version);
    expect((await none.ask('GET', '/v1/topics', { origin: 'https://a.example' })).headers).not.toHaveProperty(
      'access-control-allow-origin',
    );
    const preflight = { origin: 'https://a.example', 'access-control-request-method': 'GET' };
    expect(await none.ask('OPTIONS', '/v1/topics', preflight)).toMatchObject({
      status: 204,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    });
  });
});

test('a GET with a body, chunked, is answered as one without; the connection goes on', async () => {
  const { address } = await open(1);
  const asked = 'GET /livez HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
  const listed = asked.replace('/livez', '/v1/topics');
  const last = 'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
  const socket = await connectTo(Number(new URL(address).port));
  socket.write(asked + listed + last);
  const answers = (await text(socket)).split(/(?=HTTP\/1\.1 )/);
  expect(answers.map((each) => each.slice(0, 12))).toEqual(Array.from({ length: 3 }, () => 'HTTP/1.1 200'));
  expect(answers[1]).toContain('"topics"');
});

test('a proxy-like request line, and OPTIONS of the server as a whole', async () => {
  const { ask, address } = await open(1);
  expect(await ask('GET', `${address}/livez`)).toMatchObject({ status: 200, body: 'alive\n' });
  expect(await ask('OPTIONS', '*')).toMatchObject({ status: 204, headers: { allow: 'GET, HEAD, POST, OPTIONS' } });
});
