import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createMainstemClient } from '../../src/client/index.js';
import { envelope } from '../support/http2-call.js';
import { startRelay } from '../support/relay.js';
import { startBus, type TestBus } from './listener-support.js';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function start(options: Parameters<typeof startBus>[0]): Promise<TestBus> {
  const bus = await startBus(options);
  endings.push(() => bus.listener.close({ graceMs: 0 }));
  return bus;
}

/** Follows a topic with the real client over HTTP/2; says what became of it. */
function follow(address: string) {
  const client = createMainstemClient({ address });
  endings.push(() => client.close());
  let frames = 0;
  let over = false;
  void (async () => {
    try {
      for await (const _ of client.frames({ topic: 't' })) frames++;
    } catch {
      // It is cut.
    }
    over = true;
  })();
  return { frames: () => frames, over: () => over };
}

test('HTTP/2: a client that falls silent is cut, one that answers PINGs stays', async () => {
  const bus = await start({ silenceMs: 3_000 });
  const relay = await startRelay(bus.listener.port);
  endings.push(() => relay.close());
  const alive = follow(bus.url);
  follow(relay.url);
  await bus.progress.until(() => bus.waiting.size === 2);
  relay.freeze();
  await bus.progress.until(() => bus.waiting.size === 1);
  // The same time once more: the one that is left was asked as often.
  const again = await startRelay(bus.listener.port);
  endings.push(() => again.close());
  follow(again.url);
  await bus.progress.until(() => bus.waiting.size === 2);
  again.freeze();
  await bus.progress.until(() => bus.waiting.size === 1);
  expect(alive.over()).toBe(false);
  expect(alive.frames()).toBeGreaterThan(0);
}, 60_000);

/** A subscription over HTTP/1.1 to more than any buffer holds, by a client that reads only when it is told to. */
function subscribeAndStall(bus: TestBus, request: object) {
  const socket = connect(bus.listener.port, '127.0.0.1');
  endings.push(() => socket.destroy());
  socket.on('error', () => undefined);
  const body = envelope(Buffer.from(JSON.stringify(request)));
  socket.write(
    `POST /mainstem.v1.SubscribeService/Subscribe HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  socket.write(body);
  return socket.pause();
}

test('HTTP/1.1: a client that reads no more is cut where it owns partitions, and waited for where it owns none', async () => {
  const bus = await start({ stalledMs: 2_000 });
  const reading = subscribeAndStall(bus, { topic: 't', subscriber: 'reading', limit: '100' });
  reading.resume();
  subscribeAndStall(bus, { topic: 't', limit: '100' });
  await bus.progress.until(() => bus.waiting.size === 2);
  const [...before] = bus.waiting;
  subscribeAndStall(bus, { topic: 't', subscriber: 'owner', limit: '100' });
  await bus.progress.until(() => bus.waiting.size === 3);
  await bus.progress.until(() => bus.waiting.size === 2);
  expect([...bus.waiting]).toEqual(before);
}, 60_000);

/** The same as lines, on the plain route. */
function askForLinesAndStall(bus: TestBus, query: string) {
  const socket = connect(bus.listener.port, '127.0.0.1');
  endings.push(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`GET /v1/topics/t/events?limit=100${query} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return socket.pause();
}

test('HTTP/1.1: a reader of lines that owns partitions and reads no more is cut as well', async () => {
  const bus = await start({ stalledMs: 2_000 });
  askForLinesAndStall(bus, '&subscriber=reading').resume();
  askForLinesAndStall(bus, '');
  await bus.progress.until(() => bus.waiting.size === 2);
  const [...before] = bus.waiting;
  askForLinesAndStall(bus, '&subscriber=owner');
  await bus.progress.until(() => bus.waiting.size === 3);
  await bus.progress.until(() => bus.waiting.size === 2);
  expect([...bus.waiting]).toEqual(before);
}, 60_000);
