import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { BusError } from '../../../src/core/errors.js';
import type { Frame, SubscribeCommand } from '../../../src/core/subscribe/frames.js';
import { toPulled } from '../../../src/core/subscribe/pulled.js';
import { openHttpStand } from '../../support/http-stand.js';

test('what the query says is what the core is asked for', async () => {
  const commands: SubscribeCommand[] = [];
  async function* none(): AsyncGenerator<Frame> {
    yield { kind: 'end', reason: 'until', cursor: 'c', retryDelayMs: undefined, message: 'that was it' };
  }
  await using stand = await openHttpStand({
    subscriptions: {
      subscribe(command) {
        commands.push(command);
        return toPulled(none());
      },
      commit: async () => [],
      keepAlive: async () => undefined,
      setPositions: async () => undefined,
    },
  });
  const query = new URLSearchParams([
    ['from', 'earliest'],
    ['until', '2026-01-31T09:30:00Z'],
    ['limit', '10'],
    ['follow', 'false'],
    ['subscriber', 's'],
    ['on_expired', 'skip'],
    ['heartbeat', '2500ms'],
    ['filter', 'data.n > 1 && key != "a,b"'],
    ['fields', '/a,/b/0'],
    ['fields', '/c,d'],
    ['sample', '0.01'],
    ['commit_mode', 'before_delivery'],
    ['max_uncommitted', '5'],
    ['max_uncommitted_bytes', '6'],
    ['commit_timeout', '1.5s'],
    ['reader_schema_version', '3'],
  ]);
  const answer = await fetch(`${stand.address}/v1/topics/t/events?${query}`);
  expect(await answer.text()).toBe('{"end":{"reason":"until","cursor":"c","message":"that was it"}}\n');
  const all = {
    topic: 't',
    subscriber: 's',
    from: { at: 'earliest' },
    until: { at: 'time', timestamp: Date.UTC(2026, 0, 31, 9, 30) },
    onExpired: 'skip',
    follow: false,
    limit: 10,
    heartbeatMs: 2_500,
    filter: 'data.n > 1 && key != "a,b"',
    fields: ['/a', '/b/0', '/c,d'],
    sample: 0.01,
    commitMode: 'before_delivery',
    maxUncommitted: 5,
    maxUncommittedBytes: 6,
    commitTimeoutMs: 1_500,
    readerSchemaVersion: 3,
  };
  expect(commands[0]).toEqual(all);
  const headers = { 'last-event-id': 'c7' };
  await (await fetch(`${stand.address}/v1/topics/t/events?from=latest`, { headers })).text();
  expect(commands[1]).toMatchObject({ topic: 't', from: { at: 'cursor', cursor: 'c7' } });
  await fetch(`${stand.address}/v1/topics/t/events?${query}`, { method: 'HEAD' });
  const { subscriber: _, commitMode: _m, maxUncommitted: _u, maxUncommittedBytes: _b, ...rest } = all;
  const { commitTimeoutMs: _t, readerSchemaVersion: _v, ...looked } = rest;
  expect(commands[2]).toEqual(looked);
});

async function overHttp2(address: string, path: string, headers: Record<string, string> = {}) {
  const session = connect(address);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': path, ...headers });
  const [head] = await once(stream, 'response');
  return { stream, status: head[':status'], type: head['content-type'] };
}

test('HTTP/2: the same lines; a client that goes ends its stream, a failure of payloads alone breaks it off', async () => {
  await using stand = await openHttpStand();
  await stand.topic('two', ['1', '2']);
  const path = '/v1/topics/two/events?from=earliest';
  const plain = await fetch(`${stand.address}${path}&follow=false&data_only`);
  const { stream, status, type } = await overHttp2(stand.address, `${path}&follow=false&data_only`);
  expect([status, type]).toEqual([200, 'application/x-ndjson']);
  expect((await buffer(stream)).toString()).toBe(await plain.text());

  const live = await overHttp2(stand.address, path, { accept: 'text/event-stream' });
  let begun = '';
  while (!begun.includes('\n\n')) begun += String((await once(live.stream, 'data'))[0]);
  expect(begun).toMatch(/^event: ready\ndata: [^\n]+\nretry: \d+\n/);
  const drained = stand.bus.subscriptions.drain();
  live.stream.close(constants.NGHTTP2_CANCEL);
  // It waits for every stream that there is.
  await drained;

  async function* broken(): AsyncGenerator<Frame> {
    yield { kind: 'end', reason: 'limit', cursor: 'c', retryDelayMs: undefined, message: undefined };
    throw new BusError('TOPIC_DELETED', 'gone');
  }
  await using failing = await openHttpStand({
    subscriptions: {
      subscribe: () => toPulled(broken()),
      commit: async () => [],
      keepAlive: async () => undefined,
      setPositions: async () => undefined,
    },
  });
  const cut = await overHttp2(failing.address, '/v1/topics/t/events?data_only');
  cut.stream.resume();
  await expect(once(cut.stream, 'close')).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
});
