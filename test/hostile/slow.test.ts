import { connect } from 'node:http2';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { growthOfPeak, peakGrowth } from '../support/process-memory.js';
import { until } from '../support/wait.js';
import { type HostileBus, startBus } from './bus.js';
import { open, rawRequest } from './raw-http.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const MiB = 1024 * 1024;
const publishPath = '/mainstem.v1.PublishService/Publish';
const closed = (socket: Socket) => new Promise<void>((resolve) => void socket.once('close', () => resolve()));

test('connections that say nothing, or their headers a byte at a time, are closed; others are served meanwhile', async () => {
  const beginnings = ['', 'G', 'PRI * HTTP', 'GET / HTTP/1.1\r\nhost: x\r\n', 'POST / HTTP/1.1\r\nx: '];
  const sockets = await Promise.all(Array.from({ length: 100 }, () => open(bus.port)));
  const ends = sockets.map(closed);
  for (const [index, socket] of sockets.entries()) {
    socket.resume();
    socket.write(beginnings[index % beginnings.length] ?? '');
  }
  // A byte now and then must not buy time.
  const drip = setInterval(() => {
    for (const [index, socket] of sockets.entries()) if (index % beginnings.length >= 3) socket.write('x');
  }, 200);
  await bus.check();
  await Promise.all(ends);
  clearInterval(drip);
  await bus.check();
});

test('requests whose body never comes keep nobody waiting, and hold no more than they sent', async () => {
  const head = `POST ${publishPath} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${15 * MiB}\r\n\r\n`;
  const sockets = await Promise.all(Array.from({ length: 200 }, () => open(bus.port)));
  const grown = await peakGrowth(bus.server.pid, async () => {
    for (const socket of sockets) socket.write(`${head}{"topic":"events",`);
    await bus.check();
  });
  expect(grown).toBeLessThan(200);
  for (const socket of sockets) socket.destroy();
  // What says that it has more than can be read is refused before it has come.
  const answer = await rawRequest(bus.port, head.replace(/length: \d+/, `length: ${10 ** 12}`));
  expect(answer).toMatch(/^HTTP\/1\.1 429 .*REQUEST_TOO_LARGE/s);
  await bus.check();
});

test('bodies cut in the middle, envelopes that promise more than they have: an error, or nobody to tell, and nothing stored', async () => {
  const before = await bus.stored();
  const whole = '{"topic":"events","events":[{"json":1}]}';
  for (let cut = 0; cut < whole.length; cut += 7) {
    await rawRequest(
      bus.port,
      `POST ${publishPath} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${whole.length}\r\n\r\n${whole.slice(0, cut)}`,
    );
  }
  const session = connect(bus.address);
  for (const [name, body] of Object.entries({
    'half a head': Buffer.from([0, 0]),
    'no message': Buffer.from([0, 0, 0, 1, 0, 1, 2]),
    'four gigabytes': Buffer.from([0, 255, 255, 255, 255, 1]),
    empty: Buffer.alloc(0),
  })) {
    const stream = session.request({
      ':method': 'POST',
      ':path': publishPath,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const status = new Promise<unknown>((resolve) => {
      stream.on('trailers', (trailers) => resolve(trailers['grpc-status']));
      stream.on('response', (headers) => headers['grpc-status'] !== undefined && resolve(headers['grpc-status']));
    });
    stream.resume().end(body);
    // invalid_argument, resource_exhausted, or (no message at all) unimplemented, as gRPC has it.
    expect(await status, name).toMatch(/^(3|8|12)$/);
  }
  session.close();
  expect(await bus.stored()).toEqual(before);
  await bus.check();
});

test('100 streams that do not read hold positions, not memory; each gets everything, in order, once it reads', async () => {
  const { client } = bus;
  await client.topics.create({ topic: 'busy', settings: { schemaless: true } });
  const streams = Array.from({ length: 100 }, () =>
    client.frames({ topic: 'busy', from: 'earliest' })[Symbol.asyncIterator](),
  );
  await Promise.all(streams.map((stream) => stream.next()));
  const filler = 'x'.repeat(100_000);
  let sent = 0;
  const flood = async (events: number) => {
    for (const last = sent + events; sent < last; ) {
      const batch = Array.from({ length: 10 }, () => ({ payload: `[${sent++},"${filler}"]` }));
      await client.publish({ topic: 'busy', events: batch });
    }
  };
  // Until every stream has as much under way as it may.
  await flood(200);
  expect(await growthOfPeak(bus.server.pid, () => flood(1_000))).toBeLessThan(300);
  await bus.check();
  const [reader, ...others] = streams;
  for (const stream of others) void stream.return?.();
  let next = 0;
  while (next < sent) {
    const { value: frame } = (await reader?.next()) ?? {};
    if (frame?.case !== 'events') continue;
    for (const { jsonBytes } of frame.value.records) {
      expect(Buffer.from(jsonBytes.subarray(0, 12)).toString()).toMatch(new RegExp(`^\\[${next},`));
      next++;
    }
  }
  void reader?.return?.();
  await until(() => bus.check().then(() => true), { what: 'a round trip' });
});
