import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { growthOfPeak } from '../support/process-memory.js';
import { type HostileBus, startBus } from './bus.js';
import { open } from './raw-http.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

/** A stream over HTTP/1.1 whose client reads up to its first line, and then nothing. */
async function stalled(accept: string): Promise<Socket> {
  const socket = await open(bus.port);
  socket.write(`GET /v1/topics/busy/events?from=earliest HTTP/1.1\r\nhost: x\r\naccept: ${accept}\r\n\r\n`);
  await new Promise<void>((resolve) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString();
      if (!text.includes('"streamId"')) return;
      socket.off('data', onData);
      socket.pause();
      resolve();
    };
    socket.on('data', onData);
  });
  return socket;
}

test('200 readers of lines that stop hold positions, not memory; each gets everything, in order, once it reads', async () => {
  await bus.client.topics.create({ topic: 'busy', settings: { schemaless: true } });
  const types = ['application/x-ndjson', 'text/event-stream'];
  const sockets = await Promise.all(Array.from({ length: 200 }, (_, i) => stalled(types[i % 2] ?? '')));
  const filler = 'x'.repeat(100_000);
  let sent = 0;
  const flood = async (events: number) => {
    for (const last = sent + events; sent < last; ) {
      const batch = Array.from({ length: 10 }, () => ({ payload: `[${sent++},"${filler}"]` }));
      await bus.client.publish({ topic: 'busy', events: batch });
    }
  };
  // Until every stream has as much under way as it may.
  await flood(200);
  expect(await growthOfPeak(bus.server.pid, () => flood(1_000))).toBeLessThan(300);
  await bus.check();
  for (const socket of sockets.slice(0, 2)) {
    let next = 0;
    let left = '';
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        const parts = (left + chunk.toString('latin1')).split('"data":[');
        left = parts.pop() ?? '';
        // The first part is what stands before the first record; of the last the number may be cut.
        for (const part of parts) if (/^\d+,/.test(part)) expect(Number.parseInt(part, 10)).toBe(next++);
        if (left.startsWith(`${sent - 1},"x`)) resolve();
      });
      socket.resume();
    });
    expect(next).toBe(sent - 1);
  }
  for (const socket of sockets) socket.destroy();
  await bus.check();
}, 180_000);
