import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../src/cli/tail/byte-writer.js';
import { jsonFormat } from '../../../src/cli/tail/format-json.js';
import { createMainstemClient } from '../../../src/client/index.js';
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
const lines = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url(path), { headers });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  expect(text).toMatch(/\n$/);
  return text.split('\n').slice(0, -1);
};
const json = async (path: string) => (await lines(path)).map((line) => JSON.parse(line));
const problem = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url(path), { headers });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const body: object = JSON.parse(await answer.text());
  return { http: answer.status, ...body };
};
const dataOf = (all: readonly { data?: unknown }[]) => all.flatMap((line) => ('data' in line ? [line.data] : []));
const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`);

describe('lines', () => {
  test('exact bytes: what a record has, payloads as they were published, and what tail prints', async () => {
    const { bus } = stand;
    await stand.topic('exact');
    const { signal } = new AbortController();
    const events = [
      { payload: Buffer.from('{"n":12345678901234567890,\r\n\t"f":1.0,"__proto__":"\\n"}\n'), key: Buffer.from('k"1') },
      {
        payload: Buffer.from('"\u2028é"'),
        key: Buffer.from([0xff]),
        id: 'i',
        source: '/s',
        type: 't',
        subject: 'x',
        time: '2026-01-31T09:30:00Z',
        attributes: { ext: 'a' },
        headers: [['h', Buffer.from('v')] as const, ['b', Buffer.from([0xfe])] as const],
      },
    ];
    await bus.publisher.publish({ topic: 'exact', mode: 'all_or_nothing', events }, signal);
    const foreign = { key: Buffer.from('\u001b[31m'), headers: [] };
    await bus.log.append('exact', 0, [
      { ...foreign, value: Buffer.from([0xff, 0x0a]) },
      { ...foreign, value: null },
    ]);
    const [ready, ...rest] = await lines('topics/exact/events?from=earliest&follow=false');
    expect(ready).toMatch(
      /^\{"ready":\{"cursor":"[\w-]+","streamId":"[\w-]+","assignment":\{"topics":\[\{"topic":"exact","incarnation":"[0-9a-f]+","partitions":\[0\]\}\],"waiting":false,"cursor":"[\w-]+"\}\}\}$/,
    );
    const times = rest.flatMap((line) => /"time":"([^"]+)"/.exec(line)?.[1] ?? []);
    expect(times).toHaveLength(4);
    const head = (offset: number) => `{"topic":"exact","partition":0,"offset":${offset},"time":"${times[offset]}"`;
    expect(rest.slice(0, 4)).toEqual([
      `${head(0)},"key":"k\\"1","data":{"n":12345678901234567890,  \t"f":1.0,"__proto__":"\\n"} }`,
      `${head(1)},"keyBase64":"/w==","id":"i","source":"/s","type":"t","subject":"x","eventTime":"2026-01-31T09:30:00Z","attributes":{"ext":"a"},` +
        '"headers":[{"name":"h","value":"v"},{"name":"b","valueBase64":"/g=="}],"data":"\u2028é"}',
      `${head(2)},"key":"\\u001b[31m","dataBase64":"/wo="}`,
      `${head(3)},"key":"\\u001b[31m","tombstone":true}`,
    ]);
    expect(rest[4]).toMatch(/^\{"cursor":"[\w-]+"\}$/);
    expect(rest[5]).toBe(`{"end":{"reason":"caught_up","cursor":${rest[4]?.slice(10, -1)}}}`);
    expect(rest).toHaveLength(6);

    const client = createMainstemClient({ address: stand.address });
    const [out, format] = [new ByteWriter(), jsonFormat()];
    for await (const frame of client.frames({ topic: 'exact', from: 'earliest', follow: false })) {
      if (frame.case === 'events') for (const record of frame.value.records) format(out, 'exact', record);
    }
    client.close();
    expect(out.take().toString()).toBe(
      rest
        .slice(0, 4)
        .map((line) => `${line}\n`)
        .join(''),
    );

    expect(await lines('topics/exact/events?from=earliest&follow=false&data_only')).toEqual([
      '{"n":12345678901234567890,  \t"f":1.0,"__proto__":"\\n"} ',
      '"\u2028é"',
      '{"dataBase64":"/wo="}',
    ]);
  });

  test('one condition parts records from control lines; every control line has one member', async () => {
    await stand.topic('parted', numbered(0, 3));
    const all = await json('topics/parted/events?from=earliest&follow=false');
    expect(all.filter((line) => 'data' in line).map(({ data }) => data)).toEqual([0, 1, 2]);
    for (const line of all.filter((each) => !('data' in each))) expect(Object.keys(line)).toHaveLength(1);
    expect(all.map((line) => ('data' in line ? 'record' : Object.keys(line)[0]))).toEqual([
      'ready',
      'record',
      'record',
      'record',
      'cursor',
      'end',
    ]);
  });

  test('the first line comes at once, and each event as it is published', async () => {
    await stand.topic('live');
    const stream = await openLines(url('topics/live/events'));
    expect(await stream.next()).toMatch(/^\{"ready":/);
    for (let n = 0; n < 3; n++) {
      await stand.publish('live', [`${n}`]);
      expect(await stream.next()).toMatch(new RegExp(`"offset":${n},.*"data":${n}\\}$`));
      expect(await stream.next()).toMatch(/^\{"cursor":/);
    }
    stream.close();
  });

  test('heartbeats carry the cursor, and say how far behind the stream is', async () => {
    await stand.topic('quiet', ['1']);
    const stream = await openLines(url('topics/quiet/events?heartbeat=1s'));
    await stream.next();
    const { heartbeat } = JSON.parse((await stream.next()) ?? '');
    expect(heartbeat).toEqual({
      cursor: expect.stringMatching(/^[\w-]+$/),
      partitions: [{ topic: 'quiet', incarnation: expect.any(String), partition: 0, nextOffset: 1, highWatermark: 1 }],
    });
    stream.close();
  });

  test('gzip where it is asked for by name, readable slice by slice', async () => {
    await stand.topic('packed', numbered(0, 2));
    const path = 'topics/packed/events?from=earliest';
    const plain = await fetch(url(`${path}&follow=false`), { headers: { 'accept-encoding': '*' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    await plain.text();
    const stream = await fetch(url(path), { headers: { 'accept-encoding': 'gzip' } });
    expect(stream.headers.get('content-encoding')).toBe('gzip');
    const reader = stream.body?.getReader();
    let text = '';
    // It goes on: what is there can be read without its end.
    while (!text.includes('"cursor":"', text.indexOf('"data":1}'))) {
      text += Buffer.from((await reader?.read())?.value ?? []).toString();
    }
    await reader?.cancel();
    const events = await fetch(url(`${path}&follow=false`), {
      headers: { 'accept-encoding': 'gzip', accept: 'text/event-stream' },
    });
    expect(events.headers.get('content-encoding')).toBeNull();
    await events.text();
    // What fetch unpacks by itself, once more by hand.
    const raw = await openLines(url(`${path}&follow=false&data_only`), { 'accept-encoding': 'gzip' });
    expect(raw.headers['content-encoding']).toBe('gzip');
    raw.close();
    expect(gunzipSync(await rawBody(url(`${path}&follow=false&data_only`))).toString()).toBe('0\n1\n');
  });
});

async function rawBody(address: string): Promise<Buffer> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    request(address, { headers: { 'accept-encoding': 'gzip' }, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve(Buffer.concat(chunks)));
      answer.on('error', reject);
    }).end();
  });
}

describe('the query', () => {
  test('from: earliest, latest, a time, so long ago, a cursor', async () => {
    await stand.topic('starts', numbered(0, 4));
    const all = await json('topics/starts/events?from=earliest&follow=false&limit=2');
    expect(dataOf(all)).toEqual([0, 1]);
    const { cursor } = all.at(-1).end;
    expect(dataOf(await json(`topics/starts/events?from=${cursor}&follow=false`))).toEqual([2, 3]);
    expect(dataOf(await json('topics/starts/events?from=latest&follow=false'))).toEqual([]);
    expect(dataOf(await json('topics/starts/events?follow=false'))).toEqual([]);
    expect(dataOf(await json('topics/starts/events?from=-1h&follow=false'))).toEqual([0, 1, 2, 3]);
    expect(dataOf(await json('topics/starts/events?from=2099-01-01T00:00:00Z&follow=false'))).toEqual([]);
    expect(dataOf(await json('topics/starts/events?from=2020-01-01T00:00:00%2B01:00&follow=false'))).toHaveLength(4);
  });

  test('ends: limit, and the end of the log, each with the cursor on the last line', async () => {
    await stand.topic('ends', numbered(0, 5));
    const limited = await json('topics/ends/events?from=earliest&limit=3');
    expect(dataOf(limited)).toEqual([0, 1, 2]);
    expect(limited.at(-1)).toEqual({ end: { reason: 'limit', cursor: limited.at(-2).cursor } });
    const bounded = await json('topics/ends/events?from=earliest&follow=0');
    expect(bounded.at(-1)).toEqual({ end: { reason: 'caught_up', cursor: bounded.at(-2).cursor } });
  });

  test('filter, fields, sample and until select; the cursor passes over what is left out', async () => {
    await stand.topic('chosen', ['{"n":1,"a":{"b":1,"c":2}}', '{"n":2,"a":{"b":3,"c":4}}', '{"n":3}']);
    const rest = 'from=earliest&follow=false';
    const some = await json(
      `topics/chosen/events?${rest}&filter=${encodeURIComponent('payload.n > 1')}&fields=/n,/a/b`,
    );
    expect(dataOf(some)).toEqual([{ n: 2, a: { b: 3 } }, { n: 3 }]);
    expect(await lines(`topics/chosen/events?${rest}&fields=/a/c&limit=1&data_only`)).toEqual(['{"a":{"c":2}}']);
    expect(dataOf(await json(`topics/chosen/events?${rest}&sample=1`))).toHaveLength(3);
    const none = await json(`topics/chosen/events?${rest}&filter=false`);
    expect(dataOf(none)).toEqual([]);
    expect(dataOf(await json(`topics/chosen/events?from=${none.at(-1).end.cursor}&follow=false`))).toEqual([]);
    const until = await json('topics/chosen/events?from=earliest&until=latest');
    expect([dataOf(until).length, until.at(-1).end.reason]).toEqual([3, 'until']);
    expect(await problem('topics/chosen/events?filter=payload.n%20%3E')).toMatchObject({
      http: 400,
      reason: 'FILTER_INVALID',
      metadata: { position: expect.any(String) },
    });
  });

  test('several topics and a pattern', async () => {
    await stand.topic('many.a', ['"a"']);
    await stand.topic('many.b', ['"b"']);
    await stand.topic('many.c', ['"c"']);
    const rest = 'from=earliest&follow=false';
    expect(dataOf(await json(`events?topics=many.a,many.b&${rest}`)).sort()).toEqual(['a', 'b']);
    expect(dataOf(await json(`events?topics=many.a&topics=many.c&${rest}`)).sort()).toEqual(['a', 'c']);
    expect(dataOf(await json(`events?pattern=many.*&${rest}`)).sort()).toEqual(['a', 'b', 'c']);
    expect(await problem('events')).toMatchObject({ http: 400, reason: 'INVALID_REQUEST' });
    expect(await problem('events?pattern=x&topics=y')).toMatchObject({ http: 400, metadata: { field: 'topics' } });
  });

  test.each([
    ['from=at%20noon', 'from: "at noon" is no place', 'from'],
    ['from=2026-01-31', 'from: "2026-01-31" is no time', 'from'],
    ['until=%20', 'until: ', 'until'],
    ['limit=0', 'limit: "0" is not a whole number from 1', 'limit'],
    ['limit=1&limit=2', 'limit 2 times', 'limit'],
    ['follow=maybe', 'follow: "maybe" is neither true nor false', 'follow'],
    ['on_expired=wait', 'on_expired: "wait" is not one of fail, skip', 'on_expired'],
    ['heartbeat=10', 'heartbeat: "10" is not a duration from 1s to 60s', 'heartbeat'],
    ['heartbeat=2m', 'heartbeat: "2m" is not a duration from 1s to 60s', 'heartbeat'],
    ['sample=0', 'sample: "0" is not a number above 0', 'sample'],
    ['sample=1e-2', 'sample: "1e-2" is not a number above 0', 'sample'],
    ['commit_mode=never', 'commit_mode: "never" is not one of explicit, on_delivery, before_delivery', 'commit_mode'],
    ['max_uncommitted=-1', 'max_uncommitted: "-1" is not', 'max_uncommitted'],
    ['commit_timeout=2h', 'commit_timeout: "2h" is not a duration from 1s to 1h', 'commit_timeout'],
    ['reader_schema_version=x', 'reader_schema_version: "x" is not', 'reader_schema_version'],
    ['id_each', 'id_each is for text/event-stream', 'id_each'],
    ['frm=earliest', 'the query parameter "frm" is not one of this route', 'frm'],
  ])('%s is refused, and the parameter named', async (query, message, field) => {
    expect(await problem(`topics/starts/events?${query}`)).toMatchObject({
      http: 400,
      reason: 'INVALID_REQUEST',
      detail: expect.stringContaining(message),
      metadata: { field },
    });
  });

  test('what needs a subscriber says so', async () => {
    for (const query of [
      'max_uncommitted=1',
      'max_uncommitted_bytes=1',
      'commit_timeout=1s',
      'commit_mode=on_delivery',
    ]) {
      expect(await problem(`topics/starts/events?${query}`)).toMatchObject({
        http: 400,
        detail: expect.stringContaining(`${query.split('=')[0]} needs a subscriber`),
      });
    }
  });
});

describe('statuses', () => {
  test('what is not there, cursors that do not fit, types that are not offered', async () => {
    await stand.topic('one', ['1']);
    await stand.topic('two', ['2']);
    const { cursor } = (await json('topics/one/events?follow=false'))[0].ready;
    expect(await problem('topics/none/events')).toMatchObject({ http: 404, reason: 'TOPIC_NOT_FOUND' });
    expect(await problem(`topics/two/events?from=${cursor}`)).toMatchObject({
      http: 400,
      reason: 'CURSOR_WRONG_TOPIC',
    });
    expect(await problem(`topics/one/events?from=${cursor}A`)).toMatchObject({ http: 400, reason: 'CURSOR_MALFORMED' });
    expect(await problem('topics/one/events', { accept: 'image/png' })).toMatchObject({
      http: 406,
      offered: ['application/x-ndjson', 'text/event-stream'],
    });
    for (const [accept, type] of [
      ['*/*', 'application/x-ndjson'],
      ['text/html, */*;q=0.1', 'application/x-ndjson'],
      ['text/*', 'text/event-stream'],
      ['application/x-ndjson;q=0.5, text/event-stream', 'text/event-stream'],
      ['text/event-stream;q=0, */*', 'application/x-ndjson'],
    ]) {
      const answer = await fetch(url('topics/one/events?follow=false'), { headers: { accept: accept ?? '' } });
      expect(answer.headers.get('content-type'), accept).toBe(type);
      await answer.text();
    }
  });

  test('HEAD has the status and the headers of GET, and joins nobody', async () => {
    await stand.topic('headed', ['1']);
    const good = await fetch(url('topics/headed/events?subscriber=looked'), { method: 'HEAD' });
    expect([good.status, good.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    expect((await fetch(url('topics/none/events'), { method: 'HEAD' })).status).toBe(404);
    await expect(stand.bus.subscribers.get('looked')).rejects.toMatchObject({
      reason: 'SUBSCRIBER_NOT_FOUND',
    });
    const options = await fetch(url('topics/headed/events'), { method: 'OPTIONS' });
    expect(options.headers.get('allow')).toMatch(/^GET, HEAD\b/);
  });
});
