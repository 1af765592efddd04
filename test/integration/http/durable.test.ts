import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLines } from '../../support/http-lines.js';
import { type HttpStand, openHttpStand } from '../../support/http-stand.js';

let stand: HttpStand;
beforeAll(async () => {
  stand = await openHttpStand();
});
afterAll(async () => {
  expect(stand.logged).toEqual([]);
  await stand[Symbol.asyncDispose]();
});

const url = (path: string) => `${stand.address}/v1/${path}`;
const json = async (path: string) => {
  const answer = await fetch(url(path));
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
};
const dataOf = (all: readonly { data?: unknown }[]) => all.flatMap((line) => ('data' in line ? [line.data] : []));
/** The assignment under which a stream has partitions: the stream before it may have had to leave first. */
const owned = (all: readonly { ready?: { assignment: unknown }; assignment?: unknown }[]) =>
  JSON.parse(
    JSON.stringify(
      all
        .map((line) => line.ready?.assignment ?? line.assignment)
        .findLast((assignment) => JSON.stringify(assignment)?.includes('"generation"')),
    ),
  );
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`);

describe('durable subscribers', () => {
  const commit = (name: string, body: unknown, init: RequestInit = {}) =>
    fetch(url(`subscribers/${name}/commit`), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    });

  test('ready has the generation; a commit by body or query moves where the next stream goes on', async () => {
    await stand.topic('durable', numbered(0, 6));
    const stream = await openLines(url('topics/durable/events?subscriber=mart&limit=2'));
    const { generation } = JSON.parse((await stream.next()) ?? '').ready.assignment;
    expect(generation).toBeGreaterThan(0);
    const { cursor } = JSON.parse((await stream.rest()).at(-1) ?? '').end;
    const committed = await commit('mart', { cursor, generation });
    expect(await committed.json()).toEqual({ positions: [{ topic: 'durable', partition: 0, nextOffset: 2 }] });
    const second = await json('topics/durable/events?subscriber=mart&limit=2&follow=false');
    expect(dataOf(second)).toEqual([2, 3]);
    const query = `cursor=${second.at(-1).end.cursor}&generation=${second[0].ready.assignment.generation}`;
    const byQuery = await fetch(url(`subscribers/mart/commit?${query}`), { method: 'POST' });
    expect(await byQuery.json()).toEqual({ positions: [{ topic: 'durable', partition: 0, nextOffset: 4 }] });
    expect(dataOf(await json('topics/durable/events?subscriber=mart&follow=false&commit_mode=on_delivery'))).toEqual([
      4, 5,
    ]);
    expect(dataOf(await json('topics/durable/events?subscriber=mart&follow=false'))).toEqual([]);
  });

  test('a position inside of a slice can be committed, in the body and in the query', async () => {
    await stand.topic('inside', ['0', '1', '2', '3', '4', '5']);
    const stream = 'topics/inside/events?subscriber=within&follow=false';
    const first = owned(await json(stream));
    const { incarnation } = first.topics[0];
    const positions = [{ topic: 'inside', incarnation, partition: 0, nextOffset: 2 }];
    expect(await (await commit('within', { positions, generation: first.generation })).json()).toEqual({
      positions: [{ topic: 'inside', partition: 0, nextOffset: 2 }],
    });
    const second = await json(stream);
    expect(dataOf(second)).toEqual([2, 3, 4, 5]);
    const query = `position=inside/${incarnation}/0/4&generation=${owned(second).generation}`;
    const byQuery = await fetch(url(`subscribers/within/commit?${query}`), { method: 'POST' });
    expect(await byQuery.json()).toEqual({ positions: [{ topic: 'inside', partition: 0, nextOffset: 4 }] });
    expect(dataOf(await json(stream))).toEqual([4, 5]);
  });

  test('a commit that cannot count says why', async () => {
    const { cursor, generation, topics } = owned(await json('topics/durable/events?subscriber=mart&follow=false'));
    const at = { topic: 'durable', incarnation: topics[0].incarnation, partition: 0, nextOffset: 1 };
    const answers: [unknown, number, string][] = [
      [{ cursor, generation: 0 }, 409, 'FENCED'],
      [{ cursor: `${cursor}A`, generation: 1 }, 400, 'CURSOR_MALFORMED'],
      [{ cursor }, 400, 'INVALID_REQUEST'],
      [{ generation: 1 }, 400, 'INVALID_REQUEST'],
      [{ cursor, generation: '1' }, 400, 'INVALID_REQUEST'],
      [{ cursor, generation: 1, more: 1 }, 400, 'INVALID_REQUEST'],
      [[], 400, 'INVALID_REQUEST'],
      [{ positions: [], generation: 1 }, 400, 'INVALID_REQUEST'],
      [{ positions: [{ topic: 'durable', partition: 0, nextOffset: 1 }], generation: 1 }, 400, 'INVALID_REQUEST'],
      [{ positions: [{ ...at, nextOffset: -1 }], generation }, 400, 'INVALID_REQUEST'],
      [{ positions: [{ ...at, partition: 7 }], generation }, 400, 'INVALID_REQUEST'],
      [{ positions: [{ ...at, incarnation: 'another' }], generation }, 409, 'CURSOR_STALE_TOPIC'],
      [{ positions: [{ ...at, topic: 'nowhere' }], generation }, 404, 'TOPIC_NOT_FOUND'],
      [{ positions: [{ ...at, nextOffset: 1_000 }], generation }, 409, 'CURSOR_AHEAD'],
      [{ positions: [at], generation: 0 }, 409, 'FENCED'],
      [{ cursor: 'x'.repeat(6_000_000), generation: 1 }, 429, 'REQUEST_TOO_LARGE'],
    ];
    for (const [body, status, reason] of answers) {
      const answer = await commit('mart', body);
      expect([answer.status, JSON.parse(await answer.text()).reason], JSON.stringify(body).slice(0, 100)).toEqual([
        reason === 'REQUEST_TOO_LARGE' ? 413 : status,
        reason,
      ]);
    }
    expect((await commit('mart', {}, { body: 'not json' })).status).toBe(400);
    expect((await commit('mart', {}, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await fetch(url('subscribers/mart/commit'))).status).toBe(405);
  });

  test('what others have is named, and comes when they go', async () => {
    await stand.topic('handed', ['1']);
    const first = await openLines(url('topics/handed/events?subscriber=pair'));
    await first.next();
    const second = await openLines(url('topics/handed/events?subscriber=pair'));
    expect(JSON.parse((await second.next()) ?? '').ready.assignment).toMatchObject({ topics: [], waiting: true });
    first.close();
    const line = JSON.parse((await second.next()) ?? '');
    expect(line.assignment).toMatchObject({ topics: [{ topic: 'handed', partitions: [0] }], waiting: false });
    expect(line.assignment.generation).toBeGreaterThan(0);
    second.close();
  });

  test('a client that knows where its store is says so, and nothing comes before', async () => {
    await stand.topic('own', ['0', '1', '2', '3']);
    const stream = await openLines(url('topics/own/events?subscriber=store&positions=client&heartbeat=1s'));
    const { ready } = JSON.parse((await stream.next()) ?? '');
    const { streamId, assignment } = ready;
    const { generation, topics } = assignment;
    const post = (path: string, body: unknown, query = '') =>
      fetch(url(`subscribers/store/${path}${query}`), {
        method: 'POST',
        ...(query === '' && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      });
    const place = { topic: 'own', incarnation: topics[0].incarnation, partition: 0 };
    const setting = (nextOffset: number) => ({ streamId, generation, positions: [{ ...place, nextOffset }] });
    expect(JSON.parse((await stream.next()) ?? '')).toMatchObject({ heartbeat: {} });
    const ahead = await post('positions', setting(1_000));
    expect([ahead.status, JSON.parse(await ahead.text()).reason]).toEqual([409, 'CURSOR_AHEAD']);
    const incomplete = await post('positions', { generation, positions: [] });
    expect([incomplete.status, JSON.parse(await incomplete.text()).reason]).toEqual([400, 'INVALID_REQUEST']);
    const text = `?stream_id=${streamId}&generation=${generation}&position=own/${place.incarnation}/0/2`;
    expect((await post('positions', undefined, text)).status).toBe(204);
    for (;;) {
      const line = JSON.parse((await stream.next()) ?? '');
      if (line.heartbeat) continue;
      expect(line).toMatchObject({ offset: 2, data: 2 });
      break;
    }
    // It has its position by now.
    expect((await post('positions', setting(0))).status).toBe(204);
    expect((await post('keep-alive', { streamId, generation })).status).toBe(204);
    expect((await post('keep-alive', undefined, `?stream_id=${streamId}&generation=${generation}`)).status).toBe(204);
    const fenced = await post('keep-alive', { streamId: 'another', generation });
    expect([fenced.status, JSON.parse(await fenced.text()).reason]).toEqual([409, 'FENCED']);
    expect((await post('keep-alive', { generation })).status).toBe(400);
    stream.close();
  });
});
