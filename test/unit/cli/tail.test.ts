import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { type Record as BusRecord, PayloadKind, RecordSchema } from '../../../src/gen/mainstem/v1/event_pb.js';
import { EndReason, GapReason } from '../../../src/gen/mainstem/v1/subscribe_pb.js';
import { LineServer } from './line-server.js';
import { cli } from './run-cli.js';

const bytes = (text: string | number[]) => new Uint8Array(typeof text === 'string' ? Buffer.from(text) : text);
const assignment = { topic: 'orders', partitions: [0], generation: 7n };
const ready = { frame: { case: 'ready' as const, value: { cursor: 'c0', assignment, streamId: 's' } } };

function record(
  offset: number,
  payload: string | number[],
  more: Partial<Omit<BusRecord, '$typeName' | '$unknown' | 'time'>> = {},
): BusRecord {
  return create(RecordSchema, {
    partition: 0,
    offset: BigInt(offset),
    time: { seconds: 1_700_000_000n, nanos: 5_000_000 },
    kind: PayloadKind.JSON,
    jsonBytes: bytes(payload),
    ...more,
  });
}

const events = (cursor: string, ...records: BusRecord[]) => ({
  frame: { case: 'events' as const, value: { topic: 'orders', records, cursor } },
});
const end = (reason: EndReason, cursor: string) => ({ frame: { case: 'end' as const, value: { reason, cursor } } });

const everyKind = [
  record(0, '{"n":12345678901234567890,\r\n "f":1.0}', { key: bytes('k"1'), id: 'i', headers: [], schemaVersion: 2 }),
  record(1, [0xff, 0x00], { kind: PayloadKind.NOT_JSON, key: bytes([0xff]) }),
  record(2, '', { kind: PayloadKind.TOMBSTONE, key: bytes('\u001b[31m') }),
  record(3, '', { kind: PayloadKind.NONE }),
];

async function* onlyEveryKind() {
  yield ready;
  yield events('c3', ...everyKind);
  yield end(EndReason.CAUGHT_UP, 'c3');
}

test('json output has one object per record, with the payload’s own bytes', async () => {
  await using server = await LineServer.open({ subscribe: onlyEveryKind });
  const run = await cli(server.address, ['tail', 'orders', '--from', 'earliest', '--no-follow', '--output', 'json']);
  const head = (offset: number) =>
    `{"topic":"orders","partition":0,"offset":${offset},"time":"2023-11-14T22:13:20.005Z"`;
  expect(run.out.split('\n')).toEqual([
    `${head(0)},"key":"k\\"1","schemaVersion":2,"id":"i","data":{"n":12345678901234567890,   "f":1.0}}`,
    `${head(1)},"keyBase64":"/w==","dataBase64":"/wA="}`,
    `${head(2)},"key":"\\u001b[31m","tombstone":true}`,
    `${head(3)},"noData":true}`,
    '',
  ]);
  expect(run.code).toBe(0);
  expect(run.err).toContain('the cursor to go on from: c3');
  expect(server.subscribes[0]).toMatchObject({ follow: false, from: { case: 'position' } });
});

test('pretty output cannot drive the terminal; --data-only has the payloads alone', async () => {
  await using server = await LineServer.open({ subscribe: onlyEveryKind });
  const pretty = await cli(server.address, ['tail', 'orders', '--output', 'pretty']);
  expect(pretty.out).toContain('0:0 k"1 {"n":12345678901234567890, "f":1.0}\n');
  expect(pretty.out).toContain('(not JSON, 2 bytes) /wA=');
  expect(pretty.out).toContain('\\u001b[31m (tombstone)');
  expect(pretty.out).toContain('(no data)');
  const data = await cli(server.address, ['tail', 'orders', '--data-only']);
  expect(data.out).toBe(`{"n":12345678901234567890,   "f":1.0}\n${Buffer.from([0xff, 0]).toString()}\n`);
});

test('gaps are announced on stderr; output stays clean', async () => {
  await using server = await LineServer.open({
    async *subscribe() {
      yield ready;
      yield {
        frame: {
          case: 'gap' as const,
          value: {
            topic: 'orders',
            partition: 0,
            fromOffset: 0n,
            toOffset: 9n,
            reason: GapReason.RETENTION,
            cursor: 'c9',
          },
        },
      };
      yield events('c10', record(9, '{}'));
      yield end(EndReason.LIMIT, 'c10');
    },
  });
  const run = await cli(server.address, ['tail', 'orders', '--limit', '1', '--data-only']);
  expect(run.out).toBe('{}\n');
  expect(run.err).toContain('gap in partition 0 of orders: offsets 0 to 8 will not come: retention has removed them');
});

test('after a shutdown and after a cut it goes on from the last cursor, and counts the limit on', async () => {
  const server: LineServer = await LineServer.open({
    async *subscribe(_request, call) {
      yield ready;
      yield events(`c${call}`, record(call, `{"n":${call}}`));
      if (call === 1) yield end(EndReason.SHUTTING_DOWN, `c${call}`);
      else if (call === 2) {
        // The frame has to be on its way before the cut.
        yield { frame: { case: 'heartbeat' as const, value: { cursor: 'c2h' } } };
        await cut;
        server.cut();
      } else yield end(EndReason.LIMIT, `c${call}`);
    },
  });
  let release: () => void = () => undefined;
  const cut = new Promise<void>((resolve) => {
    release = resolve;
  });
  const run = await cli(server.address, ['tail', 'orders', '--limit', '5', '--data-only'], {
    onOut: (text) => {
      if (text.includes('{"n":2}')) void turn().then(release);
    },
  });
  await server[Symbol.asyncDispose]();
  expect(run.out).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  expect(run.err).toContain('the server is shutting down; connecting again');
  expect(run.err).toContain('connected again');
  expect(run.code).toBe(0);
  expect(server.subscribes.map(({ from, limit }) => [from.value, limit])).toEqual([
    [undefined, 5n],
    ['c1', 4n],
    [expect.stringMatching(/^c2/), 3n],
  ]);
});

test('what is selected, and where to end, is asked for again after a break, with the end that was meant at first', async () => {
  await using server = await LineServer.open({
    async *subscribe(_, call) {
      yield ready;
      yield events(`c${call}`, record(call, `{"n":${call}}`));
      yield end(call < 2 ? EndReason.SHUTTING_DOWN : EndReason.UNTIL, `c${call}`);
    },
  });
  const before = Date.now();
  const run = await cli(server.address, [
    ...['tail', 'orders', '--until', '-1m', '--filter', 'payload.n > 0', '--sample', '0.5', '--limit', '9'],
    ...['--fields', '/n,/a,b', '--fields', '/c', '--data-only'],
  ]);
  expect(run.code).toBe(0);
  const [first, ...others] = server.subscribes;
  expect(first).toMatchObject({ filter: 'payload.n > 0', sample: 0.5, fields: ['/n', '/a,b', '/c'], limit: 9n });
  const until = Number(first?.until?.seconds) * 1000 + (first?.until?.nanos ?? 0) / 1e6;
  expect(until).toBeGreaterThanOrEqual(before - 60_000);
  expect(until).toBeLessThanOrEqual(Date.now() - 60_000);
  expect(others.length).toBeGreaterThan(0);
  for (const [index, { filter, sample, fields, until: again, limit }] of others.entries()) {
    expect({ filter, sample, fields, until: again }).toEqual({
      filter: first?.filter,
      sample: first?.sample,
      fields: first?.fields,
      until: first?.until,
    });
    expect(limit).toBe(BigInt(8 - index));
  }
});

test.each([
  [['--sample', '0'], 'above 0'],
  [['--sample', '1.01'], 'up to 1'],
  [['--sample', 'x'], 'number'],
  [['--until', 'tomorrow at 5'], 'earliest, latest, a time'],
  [['--until', '2026-01-31'], 'a zone'],
])('a selection that cannot be is a wrong command line (%s)', async (args, message) => {
  await using server = await LineServer.open({ subscribe: onlyEveryKind });
  const run = await cli(server.address, ['tail', 'orders', ...args]);
  expect(run.code).toBe(2);
  expect(run.err).toContain(message);
  expect(server.subscribes).toEqual([]);
});

test('the end of a filter that takes too much is an error, with the cursor to go on from', async () => {
  await using server = await LineServer.open({
    async *subscribe() {
      yield ready;
      const value = { reason: EndReason.FILTER_TOO_COSTLY, cursor: 'c5', message: 'the filter took too much' };
      yield { frame: { case: 'end' as const, value } };
    },
  });
  const run = await cli(server.address, ['tail', 'orders', '--filter', 'payload.x']);
  expect(run.code).toBe(1);
  expect(run.err).toContain('error: the filter took too much');
  expect(run.err).toContain('the cursor to go on from: c5');
});

test('a durable subscriber commits what was written, with its generation; an interrupt ends it and commits the rest', async () => {
  const interrupt = new AbortController();
  let committed: () => void = () => undefined;
  const firstCommit = new Promise<void>((resolve) => {
    committed = resolve;
  });
  await using server = await LineServer.open({
    async *subscribe() {
      yield ready;
      yield events('c1', record(0, '1'));
      await firstCommit;
      yield events('c2', record(1, '2'));
      await new Promise(() => undefined);
    },
  });
  server.onCommit = () => committed();
  const run = await cli(server.address, ['tail', 'orders', '--subscriber', 'warehouse', '--data-only'], {
    interrupt,
    onOut: (text) => {
      if (text === '1\n2\n') interrupt.abort({ signal: 'SIGINT', because: 'SIGINT' });
    },
  });
  expect(run.code).toBe(130);
  expect(run.out).toBe('1\n2\n');
  expect(server.commits).toEqual([
    { cursor: 'c1', generation: 7n },
    { cursor: 'c2', generation: 7n },
  ]);
});

test('a reader that goes away ends it cleanly, without a commit of what it did not get', async () => {
  await using server = await LineServer.open({
    async *subscribe() {
      yield ready;
      for (let i = 0; ; i++) {
        yield events(`c${i}`, record(i, `${i}`));
        await turn();
      }
    },
  });
  let writes = 0;
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      done(++writes > 3 ? Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) : null);
    },
  });
  stdout.on('error', () => undefined);
  const run = await cli(server.address, ['tail', 'orders', '--subscriber', 'w', '--data-only'], { stdout });
  expect(run.code).toBe(0);
  expect(server.commits.at(-1)).toEqual({ cursor: 'c2', generation: 7n });
  expect(['c0', 'c1', 'c2']).toEqual(expect.arrayContaining(server.commits.map(({ cursor }) => cursor)));
});

test('mistakes in the command line are explained', async () => {
  const at = (...args: string[]) => cli('http://127.0.0.1:1', args);
  expect((await at('tial', 'orders')).err).toContain('Did you mean tail?');
  expect((await at('tail', 'orders', '--limt', '3')).err).toContain('Did you mean --limit?');
  for (const [args, text] of [
    [['--from', '2026-01-31'], 'A time needs hours'],
    [['--from', 'not a cursor'], 'It takes earliest'],
    [['--limit', '0'], 'a whole number, 1 or more'],
  ] as const) {
    const run = await at('tail', 'orders', ...args);
    expect(run.err).toContain(text);
    expect(run.code).toBe(2);
  }
  expect((await at('tail', '--help')).out).toContain('--data-only');
  const gone = await at('tail', 'orders');
  expect(gone.code).toBe(3);
  expect(gone.err).toContain('cannot reach the server at http://127.0.0.1:1');
  expect(await cli('ftp://x', ['topics', 'list'])).toMatchObject({ code: 2 });
});
