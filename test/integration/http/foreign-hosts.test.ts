import { Code, ConnectError } from '@connectrpc/connect';
import { errorFromJson } from '@connectrpc/connect/protocol-connect';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ErrorInfoSchema } from '../../../src/gen/google/rpc/error_details_pb.js';
import { serveBus } from '../../support/app-stand.js';
import { openAsk } from '../../support/ask.js';
import { openBus } from '../../support/open-bus.js';

const evil = 'rebound.example:8080';
const origin = `http://${evil}`;
const list = '/mainstem.v1.TopicService/ListTopics';
const connectCall = { 'content-type': 'application/json', 'connect-protocol-version': '1' };

describe.each([1, 2] as const)('what only this machine can reach, over HTTP/%i', (version) => {
  async function open(corsOrigins: string[] = [], ownHostsOnly = true) {
    const stand = await serveBus(await openBus(), { corsOrigins, ownHostsOnly });
    const { ask, close } = openAsk(version, stand.address);
    onTestFinished(close);
    const hostHeader = version === 1 ? 'host' : ':authority';
    return {
      get: (host: string, headers: Record<string, string> = {}, path = '/v1/topics') =>
        ask('GET', path, { [hostHeader]: host, ...headers }),
      call: (host: string, headers: Record<string, string>, body = '{}') =>
        ask('POST', list, { [hostHeader]: host, ...connectCall, ...headers }, body),
    };
  }

  test('a page whose name leads here gets nothing: on routes, streams and calls, also without an Origin', async () => {
    const { get, call } = await open();
    // To what it takes for its own origin a page's GET tells none; what is left is what browsers say by themselves.
    const pages: Record<string, string>[] = [
      { origin },
      { 'accept-language': 'en' },
      { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' },
      { 'sec-fetch-site': 'same-origin' },
    ];
    for (const headers of pages) {
      for (const path of ['/v1/topics', '/v1/topics/x/events', '/', '/openapi.json', '/livez']) {
        const answer = await get(evil, headers, path);
        expect([answer.status, answer.headers['content-type']], path).toEqual([403, 'application/problem+json']);
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
        expect(JSON.parse(answer.body)).toMatchObject({
          reason: 'PERMISSION_DENIED',
          retryable: false,
          detail: expect.stringMatching(/rebound\.example:8080.*--cors-origins/),
        });
      }
      const refused = await call(evil, headers);
      expect([refused.status, refused.headers['content-type']]).toEqual([403, 'application/json']);
      const error = errorFromJson(JSON.parse(refused.body), undefined, new ConnectError('not an error'));
      expect(error.code).toBe(Code.PermissionDenied);
      expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'PERMISSION_DENIED' }]);
      // In the binary form, which would take the short way over HTTP/2.
      expect((await call(evil, { ...headers, 'content-type': 'application/proto' }, '')).status).toBe(403);
    }
  });

  test('nothing odd in place of a host helps, and nothing of it comes back', async () => {
    const { get } = await open();
    for (const host of [
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example:127',
      'a(b)',
      '1.2.3',
      '::1x',
    ]) {
      expect((await get(host, { origin })).status, host).toBe(403);
    }
    expect((await get('a(b)', { origin })).body).not.toContain('a(b)');
  });

  test('its own names and addresses are served, and so are programs, whatever they call it', async () => {
    const { get, call } = await open();
    const own = [
      '127.0.0.1:8080',
      '[::1]:8080',
      'localhost',
      'LocalHost:1',
      'localhost.',
      'bus.localhost:8080',
      '10.0.0.7',
    ];
    for (const host of own) {
      expect((await get(host, { origin: `http://${host}`, 'accept-language': 'en' })).status, host).toBe(200);
      expect((await call(host, { origin: `http://${host}` })).status, host).toBe(200);
    }
    expect((await get(evil, { 'user-agent': 'curl/8.5.0', accept: '*/*' })).status).toBe(200);
    expect((await call(evil, { 'user-agent': 'connect-es/2.1.2' })).status).toBe(200);
  });

  test('an allowed origin is one of the names, and may use any; * allows all; so does a server for others', async () => {
    const { get } = await open(['https://bus.example.org']);
    expect((await get('bus.example.org', { 'accept-language': 'en' })).status).toBe(200);
    expect((await get('bus.example.org:443', { origin: 'https://other.example' })).status).toBe(200);
    expect((await get(evil, { origin: 'https://bus.example.org' })).status).toBe(200);
    expect((await get(evil, { origin })).status).toBe(403);
    expect((await (await open(['*'])).get(evil, { origin })).status).toBe(200);
    expect((await (await open([], false)).get(evil, { origin })).status).toBe(200);
  });
});
