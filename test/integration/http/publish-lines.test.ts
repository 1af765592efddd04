import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BusError } from '../../../src/core/errors.js';
import { open } from '../../hostile/raw-http.js';
import { type HttpBus, openHttpBus } from '../../support/http-bus.js';

let bus: HttpBus;
let topics = 0;

beforeAll(async () => {
  bus = await openHttpBus();
});
afterAll(() => bus[Symbol.asyncDispose]());

const person = '{"type":"object","required":["name"]}';

async function newTopic(settings: object = { schemaless: true }, schema?: string, of = bus): Promise<string> {
  const name = `l${topics++}`;
  await of.topics.create({ name, settings, adopt: false, ...(schema !== undefined && { schema }) });
  return name;
}

interface Reply {
  readonly status: number;
  readonly type: string | null;
  /** Each line of the answer, or the one document that it is. */
  readonly lines: readonly Record<string, unknown>[];
}

async function upload(
  topic: string,
  body: string | Uint8Array,
  query = '',
  headers: Record<string, string> = {},
  of = bus,
): Promise<Reply> {
  const answer = await fetch(`${of.url}/v1/topics/${topic}/events${query}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  });
  const lines = (await answer.text()).trimEnd().split('\n');
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    lines: lines.map((line) => JSON.parse(line)),
  };
}

const payloads = async (topic: string, of = bus) => (await of.stored(topic)).map(({ payload }) => payload);
const clean = { rejected: 0, notStored: 0, unknown: 0, warnings: [] };

test('each line is an event: blank lines are skipped, CRLF and a last line without its end count', async () => {
  const topic = await newTopic();
  const answer = await upload(topic, '\n{"a": 1.0}\r\n \t\r\n\n[2]\n"last"', '?key=k');
  expect(answer).toEqual({
    status: 200,
    type: 'application/x-ndjson',
    lines: [{ summary: { lines: 6, accepted: 3, ...clean } }],
  });
  expect((await bus.stored(topic)).map(({ key, payload }) => [key, payload])).toEqual([
    ['k', '{"a": 1.0}'],
    ['k', '[2]'],
    ['k', '"last"'],
  ]);
});

test('refused lines are listed by their numbers; with results=all the stored ones too', async () => {
  const topic = await newTopic({}, person);
  const body = '{"name":1}\n{}\nnonsense\n{"name":2}\n';
  const { lines } = await upload(topic, body);
  expect(lines).toEqual([
    {
      line: 2,
      status: 'rejected',
      reason: 'SCHEMA_VIOLATION',
      message: expect.stringContaining('required'),
      violations: [{ pointer: '', rule: 'required', message: expect.any(String) }],
    },
    {
      line: 3,
      status: 'rejected',
      reason: 'PAYLOAD_NOT_JSON',
      message: expect.stringMatching(/^the payload is not JSON/),
      violations: [expect.anything()],
    },
    { summary: { ...clean, lines: 4, accepted: 2, rejected: 2 } },
  ]);
  const all = await upload(topic, body, '?results=all');
  expect(all.lines).toMatchObject([
    { line: 1, status: 'stored', partition: 0, offset: 2, schemaVersion: 1, time: expect.stringMatching(/Z$/) },
    { line: 2 },
    { line: 3 },
    { line: 4, status: 'stored', offset: 3 },
    { summary: { accepted: 2 } },
  ]);
});

test('on_invalid=stop: the refused line is the last that was read, however many had come behind it', async () => {
  const topic = await newTopic({ partitions: 4 }, person);
  const good = Array.from({ length: 5_000 }, (_, i) => `{"name":"n${i}"}\n`).join('');
  const { status, lines } = await upload(topic, `${good}{}\n${good}`, '?on_invalid=stop');
  expect(status).toBe(200);
  expect(lines).toMatchObject([
    { line: 5_001, status: 'rejected' },
    {
      summary: {
        lines: 5_001,
        accepted: 5_000,
        rejected: 1,
        stopped: { line: 5_001, byte: good.length, reason: 'SCHEMA_VIOLATION', retryable: false },
      },
    },
  ]);
  expect(await bus.stored(topic)).toHaveLength(5_000);
});

test('where no line is accepted the answer is an error with the lines it concerns', async () => {
  const topic = await newTopic({}, person);
  expect(await upload(topic, '\n{}\n{}\n')).toMatchObject({
    status: 422,
    type: 'application/problem+json',
    lines: [
      {
        reason: 'SCHEMA_VIOLATION',
        detail: expect.stringMatching(/^no line was accepted: line 2: .*; and 1 more line$/),
        violations: [{ line: 2, rule: 'required' }, { line: 3 }],
        summary: { lines: 3, accepted: 0, rejected: 2 },
      },
    ],
  });
  expect(await upload('missing', '{}\n')).toMatchObject({ status: 404, lines: [{ reason: 'TOPIC_NOT_FOUND' }] });
  expect(await upload(topic, '')).toMatchObject({ status: 400, lines: [{ reason: 'INVALID_REQUEST' }] });
  expect(await upload(topic, '\ufeff{"name":1}\n')).toMatchObject({
    status: 400,
    lines: [{ reason: 'PAYLOAD_NOT_JSON', detail: expect.stringContaining('byte order mark') }],
  });
});

test('mode=all_or_nothing: one batch, within the limits of one', async () => {
  const topic = await newTopic({}, person);
  const refused = await upload(topic, '{"name":1}\n\n{}\n', '?mode=all_or_nothing');
  expect(refused).toMatchObject({ status: 422, lines: [{ violations: [{ line: 3, event: 1 }] }] });
  expect(await upload(topic, '{"name":1}\n'.repeat(10_001), '?mode=all_or_nothing')).toMatchObject({
    status: 413,
    lines: [{ reason: 'BATCH_TOO_LARGE' }],
  });
  expect(await upload(topic, '1\n', '?mode=all_or_nothing&on_invalid=stop')).toMatchObject({ status: 400 });
  expect(await payloads(topic)).toEqual([]);
  const answer = await upload(topic, '{"name":1}\n{"name":2}\n', '?mode=all_or_nothing&results=all');
  expect(answer.lines).toMatchObject([{ line: 1, offset: 0 }, { line: 2, offset: 1 }, { summary: { accepted: 2 } }]);
});

test('an oversized line in the middle: what came before is stored, and the answer says where it stopped', async () => {
  const topic = await newTopic();
  const before = '1\n22\n\n';
  const { status, lines } = await upload(topic, `${before}"${'x'.repeat(8 * 1024 * 1024)}"\n4\n`);
  expect(status).toBe(200);
  expect(lines).toMatchObject([
    { summary: { accepted: 2, stopped: { line: 4, byte: before.length, reason: 'EVENT_TOO_LARGE' } } },
  ]);
  expect(await payloads(topic)).toEqual(['1', '22']);
});

test('an upload may be in gzip; one that is not, or is cut, ends where it breaks', async () => {
  const topic = await newTopic();
  const packed = gzipSync('1\n2\n3');
  const gzip = { 'content-encoding': 'gzip' };
  expect((await upload(topic, packed, '', gzip)).lines).toMatchObject([{ summary: { accepted: 3 } }]);
  expect(await upload(topic, '1\n2\n', '', gzip)).toMatchObject({
    status: 400,
    lines: [{ detail: expect.stringContaining('gzip') }],
  });
  expect(await payloads(topic)).toEqual(['1', '2', '3']);
});

/** An upload that is written by hand. */
function begin(
  topic: string,
  query: string,
): { readonly sending: ClientRequest; readonly answered: Promise<IncomingMessage> } {
  const sending = request(`${bus.url}/v1/topics/${topic}/events${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/jsonl' },
  });
  sending.flushHeaders();
  const answered = once(sending, 'response').then(([response]) => response);
  answered.catch(() => undefined);
  return { sending, answered };
}

test('a client that reads while it writes has the result of a line before it sends the next', async () => {
  const topic = await newTopic();
  const { sending, answered } = begin(topic, '?results=all');
  sending.write('1\n2');
  const response = await answered;
  const lines = createInterface(response)[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? 'null');
  expect(await next()).toMatchObject({ line: 1, offset: 0 });
  sending.write('\n');
  expect(await next()).toMatchObject({ line: 2, offset: 1 });
  sending.end('3');
  expect(await next()).toMatchObject({ line: 3, offset: 2 });
  expect(await next()).toMatchObject({ summary: { accepted: 3 } });
});

test('an upload that is cut: its complete lines are stored, the cut one is not', async () => {
  const topic = await newTopic();
  const { sending, answered } = begin(topic, '');
  sending.write('1\n2\n{"half":');
  await answered;
  sending.destroy();

  const link = await open(bus.listener.port);
  const session = connectHttp2(bus.url, { createConnection: () => link });
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': `/v1/topics/${topic}/events`,
    'content-type': 'application/x-ndjson',
  });
  stream.on('error', () => undefined);
  stream.write('3\n4');
  await once(stream, 'response');
  link.destroy();
  await once(stream, 'close');

  // Promised more than came, and closed in an orderly way.
  const socket = await open(bus.listener.port);
  socket.write(
    `POST /v1/topics/${topic}/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ncontent-length: 100\r\n\r\n5\n6`,
  );
  await once(socket, 'data');
  socket.end();
  await once(socket, 'close');
  expect((await payloads(topic)).sort()).toEqual(['1', '2', '3', '5']);
});

test('lines keep their order and none is lost where the log fails in between, and where there is no room', async () => {
  await using small = await openHttpBus({}, { bufferBytes: 250_000, topicBufferBytes: 250_000 });
  const topic = await newTopic({ schemaless: true, partitions: 3 }, undefined, small);
  let appends = 0;
  small.log.before = () => {
    if (++appends === 2 || appends === 5) throw new BusError('LOG_UNAVAILABLE', 'the broker is away');
  };
  const numbers = Array.from({ length: 5_000 }, (_, i) => String(i));
  const uploads = await Promise.all(
    ['a', 'b'].map((key) => upload(topic, numbers.join('\n'), `?key=${key}`, {}, small)),
  );
  for (const { lines } of uploads)
    expect(lines.at(-1)).toEqual({ summary: { lines: 5_000, accepted: 5_000, ...clean } });
  for (const key of ['a', 'b']) {
    const stored = await small.stored(topic);
    expect(stored.filter((event) => event.key === key).map(({ payload }) => payload)).toEqual(numbers);
  }
});

test('a shutdown ends an upload with what it has taken', async () => {
  await using other = await openHttpBus();
  const topic = await newTopic(undefined, undefined, other);
  const sending = request(`${other.url}/v1/topics/${topic}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/jsonl' },
  });
  sending.write('1\n2');
  const [response] = await once(sending, 'response');
  await other.publisher.drain();
  const [summary = ''] = (await text(response)).split('\n');
  expect(JSON.parse(summary)).toMatchObject({
    summary: { lines: 1, accepted: 1, stopped: { line: 2, byte: 2, reason: 'SHUTTING_DOWN', retryable: true } },
  });
  sending.destroy();
  expect(await payloads(topic, other)).toEqual(['1']);
});

test('a client that never reads its results is told on the last line, once it has sent everything', async () => {
  await using impatient = await openHttpBus({ stalledMs: 300 });
  const topic = await newTopic({}, person, impatient);
  const path = `/v1/topics/${topic}/events`;
  const socket = await open(impatient.listener.port);
  socket.pause();
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  // More than the buffers of both kernels hold.
  const body = `{"name":1}\n${'{}\n'.repeat(400_000)}`;
  for (let i = 0; i < 10; i++) {
    if (!socket.write(`${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`)) await once(socket, 'drain');
  }
  socket.write('0\r\n\r\n');
  const answer = await text(socket);
  const last = answer.slice(answer.indexOf('{"summary"'), answer.lastIndexOf('}') + 1);
  expect(JSON.parse(last)).toMatchObject({
    summary: { stopped: { reason: 'DEADLINE_EXCEEDED', detail: expect.stringContaining('results') } },
  });
});

test('nothing of all that was an internal error', () => {
  expect(bus.logged).toEqual([]);
});
