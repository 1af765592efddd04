import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeCursor } from '../../../src/core/cursor.js';
import { BusError } from '../../../src/core/errors.js';
import type { Frame } from '../../../src/core/subscribe/frames.js';
import { toPulled } from '../../../src/core/subscribe/pulled.js';
import { dispatched } from '../../support/event-stream.js';
import { type HttpStand, openHttpStand } from '../../support/http-stand.js';

let stand: HttpStand;
beforeAll(async () => {
  stand = await openHttpStand();
});
afterAll(async () => {
  expect(stand.logged).toEqual([]);
  await stand[Symbol.asyncDispose]();
});

async function ask(address: string, path: string, lastEventId?: string) {
  const headers = { accept: 'text/event-stream', ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
  const answer = await fetch(`${address}/v1/${path}`, { headers });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
}

async function events(path: string, lastEventId?: string) {
  const { status, type, text } = await ask(stand.address, path, lastEventId);
  expect([status, type], text).toEqual([200, 'text/event-stream']);
  return { text, ...dispatched(text) };
}

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`);
const messages = (all: ReturnType<typeof dispatched>) => all.events.filter(({ type }) => type === 'message');
const dataOf = (all: ReturnType<typeof dispatched>) => messages(all).map(({ data }) => JSON.parse(data).data);

describe('server-sent events', () => {
  test('records are messages, control frames events of their name, and a write ends with the cursor', async () => {
    await stand.topic('sse', ['{"a":\r\n1}', '2']);
    const all = await events('topics/sse/events?from=earliest&follow=false');
    expect(all.events.map(({ type }) => type)).toEqual(['ready', 'message', 'message', 'end']);
    expect(messages(all).map(({ data }) => data)).toEqual([
      expect.stringMatching(/^\{"topic":"sse","partition":0,"offset":0,"time":"[^"]+","data":\{"a": {2}1\}\}$/),
      expect.stringMatching(/^\{"topic":"sse","partition":0,"offset":1,"time":"[^"]+","data":2\}$/),
    ]);
    // Behind the data: some clients remember an id before they have the whole block.
    expect(all.text).toMatch(/\ndata: \{"topic":"sse"[^\n]+\n\ndata: \{"topic":"sse"[^\n]+\nid: [\w-]+\n\n/);
    expect(all.text).toMatch(/^event: ready\ndata: [^\n]+\nretry: \d+\nid: [\w-]+\n\n/);
    const end = JSON.parse(all.events.at(-1)?.data ?? '');
    expect(end).toEqual({ reason: 'caught_up', cursor: all.lastEventId });
    // A client comes back soon, but not all of them at once.
    expect(all.retryMs).toBeGreaterThanOrEqual(1_000);
    expect(all.retryMs).toBeLessThanOrEqual(2_000);
  });

  test('Last-Event-ID resumes, and goes before from', async () => {
    await stand.topic('resumed', numbered(0, 4));
    const first = await events('topics/resumed/events?from=earliest&limit=2');
    expect(dataOf(first)).toEqual([0, 1]);
    expect(dataOf(await events('topics/resumed/events?from=earliest&follow=false', first.lastEventId))).toEqual([2, 3]);
    // A stream that has brought nothing yet has a place, too.
    const nothing = await events('topics/resumed/events?from=latest&follow=false');
    await stand.publish('resumed', ['4']);
    expect(dataOf(await events('topics/resumed/events?from=latest&follow=false', nothing.lastEventId))).toEqual([4]);
  });

  test('one that comes back after the end, and has everything, is told by 204 to stay away', async () => {
    await stand.topic('ended', numbered(0, 3));
    const path = 'topics/ended/events?from=earliest&follow=false';
    const { lastEventId } = await events(path);
    expect(await ask(stand.address, path, lastEventId)).toEqual({ status: 204, type: null, text: '' });
    expect(await ask(stand.address, `${path}&data_only=true`, lastEventId)).toMatchObject({ status: 204 });
    const until = `topics/ended/events?from=earliest&until=${lastEventId}`;
    expect(dataOf(await events(until))).toEqual([0, 1, 2]);
    expect(await ask(stand.address, until, lastEventId)).toMatchObject({ status: 204 });
    // Who asks for the first time gets the end, and so does who reads lines; who has missed something gets it.
    expect((await events('topics/ended/events?from=latest&follow=false')).events.at(-1)?.type).toBe('end');
    const lines = await fetch(`${stand.address}/v1/${path}`, { headers: { 'last-event-id': lastEventId } });
    expect([lines.status, await lines.text()]).toEqual([200, expect.stringContaining('"caught_up"')]);
    await stand.publish('ended', ['3']);
    expect(dataOf(await events(path, lastEventId))).toEqual([3]);
    expect(await ask(stand.address, until, lastEventId)).toMatchObject({ status: 204 });
  });

  test('id_each: each record has the cursor after it, also across partitions and topics', async () => {
    await stand.topic('each.a', numbered(0, 40), 3);
    await stand.topic('each.b', numbered(40, 80), 2);
    const path = 'events?topics=each.a,each.b&follow=false';
    const all = await events(`${path}&from=earliest&id_each`);
    const seen = messages(all);
    expect(dataOf(all).sort((a, b) => a - b)).toEqual(numbered(0, 80).map(Number));
    for (const at of [0, 1, 20, 41, 78]) {
      const rest = await events(path, seen[at]?.lastEventId);
      const both = [...dataOf(all).slice(0, at + 1), ...dataOf(rest)];
      expect(both.sort((a, b) => a - b)).toEqual(numbered(0, 80).map(Number));
    }
    expect(await ask(stand.address, path, seen[79]?.lastEventId)).toMatchObject({ status: 204 });
  });

  test('data_only: the payloads, and empty events that carry the cursors', async () => {
    await stand.topic('bare', ['1', '"two"']);
    await stand.bus.log.append('bare', 0, [
      { key: null, headers: [], value: Buffer.from('x\n\nevent: ready\ndata: 1\n\n') },
    ]);
    const all = await events('topics/bare/events?from=earliest&follow=false&data_only');
    const empty = (type: string) => ({ type, data: '{}', lastEventId: expect.any(String) });
    expect(all.events).toEqual([
      empty('ready'),
      { type: 'message', data: '1', lastEventId: expect.any(String) },
      { type: 'message', data: '"two"', lastEventId: expect.any(String) },
      {
        type: 'message',
        data: '{"dataBase64":"eAoKZXZlbnQ6IHJlYWR5CmRhdGE6IDEKCg=="}',
        lastEventId: expect.any(String),
      },
      empty('end'),
    ]);
    expect(await ask(stand.address, 'topics/bare/events?follow=false', all.lastEventId)).toMatchObject({ status: 204 });
  });

  test('a Last-Event-ID that is of no use is an error for good', async () => {
    await stand.topic('other', ['1']);
    const { lastEventId } = await events('topics/other/events?follow=false');
    const stale = encodeCursor([{ topic: 'sse', incarnation: 'x', positions: [[0, 0]] }]);
    const hostile: [string, number, string][] = [
      [lastEventId, 400, 'CURSOR_WRONG_TOPIC'],
      [stale, 409, 'CURSOR_STALE_TOPIC'],
      ['earliest', 400, 'CURSOR_MALFORMED'],
      ['0', 400, 'CURSOR_MALFORMED'],
      ['é\tx, y', 400, 'CURSOR_MALFORMED'],
      ['A'.repeat(20_000), 400, 'CURSOR_MALFORMED'],
      [encodeCursor([]), 400, 'CURSOR_WRONG_TOPIC'],
      [
        encodeCursor([{ topic: 'sse', incarnation: '__proto__', positions: [[2 ** 31, 2 ** 52]] }]),
        409,
        'CURSOR_STALE_TOPIC',
      ],
    ];
    for (const [id, status, reason] of hostile) {
      const answer = await ask(stand.address, 'topics/sse/events', id);
      expect([answer.status, JSON.parse(answer.text).reason], id.slice(0, 50)).toEqual([status, reason]);
    }
    // None is none.
    expect(dataOf(await events('topics/sse/events?from=earliest&follow=false', ''))).toHaveLength(2);
  });
});

/** A stream that begins and then fails, or fails at once. */
async function failing(error: BusError, begins: boolean) {
  const cursor = encodeCursor([{ topic: 't', incarnation: 'i', positions: [[0, 7]] }]);
  async function* frames(): AsyncGenerator<Frame> {
    const life = { topic: 't', incarnation: 'i', partitions: [0] };
    const assignment = { ...life, topics: [], generation: undefined, cursor, waiting: false };
    if (begins) yield { kind: 'ready', streamId: 's', cursor, assignment };
    throw error;
  }
  return {
    cursor,
    stand: await openHttpStand({
      subscriptions: {
        subscribe: () => toPulled(frames()),
        commit: async () => [],
        keepAlive: async () => undefined,
        setPositions: async () => undefined,
      },
    }),
  };
}

describe('failures', () => {
  const passing: [BusError['reason'], number][] = [
    ['SHUTTING_DOWN', 503],
    ['OVERLOADED', 429],
    ['TOPIC_NOT_READY', 503],
    ['COORDINATION_UNAVAILABLE', 503],
    ['LOG_UNAVAILABLE', 503],
  ];

  test.each(passing)(
    '%s: an error to readers of lines; 200, retry and an end to EventSource',
    async (reason, status) => {
      const { stand: own } = await failing(new BusError(reason, 'not now', { retryAfterMs: 4_000 }), false);
      await using _ = own;
      const lines = await fetch(`${own.address}/v1/topics/t/events`);
      expect([lines.status, lines.headers.get('retry-after')]).toEqual([status, '4']);
      expect(await lines.json()).toMatchObject({ reason, retryable: true });
      const answer = await ask(own.address, 'topics/t/events');
      expect(answer.status).toBe(200);
      const { events: seen, retryMs, lastEventId } = dispatched(answer.text);
      expect(retryMs).toBe(4_000);
      expect(lastEventId).toBe('');
      expect(seen.map(({ type, data }) => [type, JSON.parse(data)])).toEqual([
        ['end', { reason: 'unavailable', retryDelayMs: 4_000, error: expect.objectContaining({ reason, status }) }],
      ]);
    },
  );

  test('for good, before the stream has begun: the status says it, to both', async () => {
    const { stand: own } = await failing(new BusError('CURSOR_EXPIRED', 'gone'), false);
    await using _ = own;
    expect((await fetch(`${own.address}/v1/topics/t/events`)).status).toBe(410);
    expect((await ask(own.address, 'topics/t/events')).status).toBe(410);
  });

  test('in the middle: the last line, or an event; data_only breaks off', async () => {
    const { stand: own, cursor } = await failing(new BusError('TOPIC_DELETED', 'topic t was deleted'), true);
    await using _ = own;
    const lines = (await (await fetch(`${own.address}/v1/topics/t/events`)).text()).split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[1] ?? '')).toEqual({
      error: {
        type: 'urn:mainstem:error:TOPIC_DELETED',
        title: 'Topic deleted',
        status: 404,
        detail: 'topic t was deleted',
        reason: 'TOPIC_DELETED',
        retryable: false,
      },
    });
    const { events: seen, lastEventId } = dispatched((await ask(own.address, 'topics/t/events')).text);
    expect(seen.map(({ type }) => type)).toEqual(['ready', 'problem']);
    expect(JSON.parse(seen[1]?.data ?? '')).toMatchObject({ reason: 'TOPIC_DELETED' });
    expect(lastEventId).toBe(cursor);
    for (const accept of ['application/x-ndjson', 'text/event-stream']) {
      const cut = await fetch(`${own.address}/v1/topics/t/events?data_only`, { headers: { accept } });
      expect(cut.status).toBe(200);
      await expect(cut.text()).rejects.toThrow('terminated');
    }
  });

  test('in the middle, and it passes: EventSource is told to come back', async () => {
    const { stand: own, cursor } = await failing(new BusError('COORDINATION_UNAVAILABLE', 'away'), true);
    await using _ = own;
    const seen = dispatched((await ask(own.address, 'topics/t/events')).text);
    expect(seen.events.map(({ type }) => type)).toEqual(['ready', 'end']);
    expect(seen.lastEventId).toBe(cursor);
    const bare = await ask(own.address, 'topics/t/events?data_only');
    expect(dispatched(bare.text)).toMatchObject({ events: [{ type: 'ready' }, { type: 'end' }], lastEventId: cursor });
  });

  test('what nobody expects is logged, and not shown', async () => {
    const secret = new Error('a secret');
    const { stand: own } = await failing(BusError.from(secret), true);
    await using _ = own;
    const text = await (await fetch(`${own.address}/v1/topics/t/events`)).text();
    expect(text).toContain('"reason":"INTERNAL"');
    expect(text).not.toContain('secret');
    expect(own.logged).toEqual([secret]);
  });

  test('a shutdown ends streams with their cursor and a delay, and refuses new ones', async () => {
    await using own = await openHttpStand();
    await own.topic('t', ['1']);
    const streams = ['application/x-ndjson', 'text/event-stream'].map((accept) =>
      fetch(`${own.address}/v1/topics/t/events?from=earliest`, { headers: { accept } }),
    );
    const [lines, sse] = await Promise.all(streams);
    await own.bus.subscriptions.drain();
    const [last] = (await lines?.text())?.split('\n').slice(-2) ?? [];
    expect(JSON.parse(last ?? '')).toEqual({
      end: { reason: 'shutting_down', cursor: expect.any(String), retryDelayMs: 1_000 },
    });
    const seen = dispatched((await sse?.text()) ?? '');
    expect(seen.events.at(-1)).toMatchObject({ type: 'end', data: expect.stringContaining('shutting_down') });
    const again = await ask(own.address, 'topics/t/events', seen.lastEventId);
    expect([again.status, dispatched(again.text).events[0]?.type]).toEqual([200, 'end']);
  });
});
