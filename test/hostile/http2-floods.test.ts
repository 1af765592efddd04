import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flag, frame, framesIn, headerBlock, preface, requestFrame, type } from '../support/http2-frames.js';
import { growthOfPeak } from '../support/process-memory.js';
import { type HostileBus, startBus } from './bus.js';
import { open } from './raw-http.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const opening = Buffer.concat([preface, frame(type.settings, 0, 0)]);
const streamIds = (count: number) => Array.from({ length: count }, (_, i) => 2 * i + 1);

/** Writes as fast as the server takes it; ends early where the server has closed the connection. True: it has, or it has said GOAWAY. */
async function pour(socket: Socket, pieces: Iterable<Buffer>, reads: boolean): Promise<boolean> {
  const gone = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  let answer: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    if (answer.length < 100_000) answer = Buffer.concat([answer, chunk]);
  });
  if (!reads) socket.pause();
  for (const piece of pieces) {
    if (socket.destroyed) return true;
    if (!socket.write(piece))
      await Promise.race([new Promise<void>((resolve) => void socket.once('drain', () => resolve())), gone]);
  }
  // What is still on its way is answered, or cut, before the next round trip of another connection's.
  await bus.check();
  return socket.destroyed || framesIn(answer).includes(type.goAway);
}

function* repeated(piece: Buffer, times: number): Iterable<Buffer> {
  for (let i = 0; i < times; i++) yield piece;
}

/** The floods, and whether the server has to say that it will have no more of it. */
const floods: Record<string, { pieces: () => Iterable<Buffer>; closes: boolean; reads: boolean }> = {
  'rapid reset': {
    closes: true,
    reads: true,
    pieces: () =>
      streamIds(20_000).map((id) =>
        Buffer.concat([requestFrame(id, '/livez'), frame(type.reset, 0, id, Buffer.from([0, 0, 0, 8]))]),
      ),
  },
  'rapid reset of calls': {
    closes: true,
    reads: true,
    pieces: () =>
      streamIds(20_000).map((id) => {
        const path = '/mainstem.v1.TopicService/ListTopics';
        const block = headerBlock({
          ':method': 'POST',
          ':scheme': 'http',
          ':path': path,
          ':authority': 'x',
          'content-type': 'application/grpc',
        });
        const request = frame(type.headers, flag.endHeaders, id, block);
        return Buffer.concat([request, frame(type.reset, 0, id, Buffer.from([0, 0, 0, 8]))]);
      }),
  },
  CONTINUATION: {
    closes: true,
    reads: true,
    *pieces() {
      yield requestFrame(1, '/livez', flag.endStream);
      yield* repeated(frame(type.continuation, 0, 1, headerBlock({ name: 'x'.repeat(120) })), 100_000);
    },
  },
  'CONTINUATION, empty': {
    closes: true,
    reads: true,
    *pieces() {
      yield requestFrame(1, '/livez', flag.endStream);
      yield* repeated(frame(type.continuation, 0, 1), 200_000);
    },
  },
  'PING, answers unread': {
    closes: false,
    reads: false,
    pieces: () => repeated(frame(type.ping, 0, 0, Buffer.alloc(8)), 300_000),
  },
  'SETTINGS, answers unread': {
    closes: false,
    reads: false,
    pieces: () => repeated(frame(type.settings, 0, 0), 300_000),
  },
  'requests, answers unread': {
    closes: false,
    reads: false,
    pieces: () => streamIds(50_000).map((id) => requestFrame(id, '/readyz')),
  },
  'window updates': {
    closes: false,
    reads: true,
    pieces: () => repeated(frame(type.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])), 300_000),
  },
  'a window of nothing': {
    closes: false,
    reads: true,
    *pieces() {
      yield frame(type.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]));
      yield* streamIds(5_000).map((id) => requestFrame(id, '/readyz'));
    },
  },
};

test.each(Object.entries(floods))(
  '%s: the others are served, memory stays flat',
  async (_, { pieces, closes, reads }) => {
    const flood = async () => {
      const socket = await open(bus.port);
      socket.write(opening);
      const closed = await pour(socket, pieces(), reads);
      socket.destroy();
      if (closes) expect(closed).toBe(true);
    };
    await flood();
    const again = async () => {
      for (let i = 0; i < 3; i++) await flood();
    };
    expect(await growthOfPeak(bus.server.pid, again)).toBeLessThan(300);
    await bus.check();
  },
);
