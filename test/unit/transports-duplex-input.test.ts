import { Buffer } from 'node:buffer';
import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CallForm } from '../../src/transports/connect/lane/call-form.js';
import { readMessages } from '../../src/transports/connect/lane/duplex-input.js';
import { envelope } from '../support/http2-call.js';

const most = 40;
const form = (protocol: CallForm['protocol']): CallForm => ({
  protocol,
  binary: true,
  enveloped: true,
  answerType: '',
});

/** A body that comes in these parts, each taken as soon as there is room. */
function body(left: Buffer[]): ServerHttp2Stream {
  const stream = new Readable({
    highWaterMark: 64,
    read() {
      setImmediate(() => this.push(left.shift() ?? null));
    },
  });
  // Of a stream of HTTP/2 the reader looks at nothing else.
  return Object.assign(stream, { aborted: false }) as unknown as ServerHttp2Stream;
}

/** The messages, and how the reading of them ends. */
async function read(protocol: CallForm['protocol'], parts: Buffer[]) {
  const messages: string[] = [];
  try {
    for await (const list of readMessages(body(parts), form(protocol), most)) {
      expect(list.length).toBeGreaterThan(0);
      messages.push(...list.map((message) => Buffer.from(message).toString('latin1')));
    }
    return { messages, end: 'well' };
  } catch (error) {
    return { messages, end: String(error) };
  }
}

/** The same, plainly: one byte after the other. */
function plainly(protocol: CallForm['protocol'], all: Buffer) {
  const messages: string[] = [];
  for (let at = 0; at < all.length; ) {
    const rest = all.subarray(at);
    if (rest.length < 5) return { messages, end: expect.stringContaining('incomplete envelope') };
    const length = rest.readUInt32BE(1);
    if (length > most) return { messages, end: expect.stringContaining('larger than configured') };
    if (rest.length < 5 + length) return { messages, end: expect.stringContaining('incomplete envelope') };
    const [flags = 0] = rest;
    if ((flags & 1) !== 0) return { messages, end: expect.stringContaining('compressed envelope') };
    if (protocol === 'grpc' || (flags & 2) === 0) messages.push(rest.toString('latin1', 5, 5 + length));
    at += 5 + length;
  }
  return { messages, end: 'well' };
}

const message = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 2, 4) }),
    fc.uint8Array({ maxLength: most + 1 }),
  )
  .map(([flags, bytes]) => envelope(Buffer.from(bytes), flags));

test('messages are the same however a body is cut, and end where they have to', async () => {
  const cuts = fc.array(fc.nat({ max: 300 }), { maxLength: 12 });
  const cutOff = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 50 }) });
  const protocol = fc.constantFrom('grpc' as const, 'connect' as const);
  await fc.assert(
    fc.asyncProperty(protocol, fc.array(message, { maxLength: 12 }), cutOff, cuts, async (by, sent, missing, at) => {
      const whole = Buffer.concat(sent);
      const all = whole.subarray(0, Math.max(0, whole.length - missing));
      const ends = [...at.filter((end) => end < all.length), all.length].sort((a, b) => a - b);
      const parts = ends.map((end, i) => all.subarray(ends[i - 1] ?? 0, end)).filter((part) => part.length > 0);
      expect(await read(by, parts)).toEqual(plainly(by, all));
    }),
    { numRuns: 500 },
  );
});

test('what nobody asks for is not read, but for one chunk', async () => {
  const left = Array.from({ length: 50 }, () => envelope(Buffer.alloc(30)));
  const stream = body(left);
  const messages = readMessages(stream, form('grpc'), most);
  await messages.next();
  for (let i = 0; i < 100; i++) await new Promise(setImmediate);
  // The stream itself holds two or three.
  expect(left.length).toBeGreaterThan(40);
  let read = 1;
  for await (const list of messages) read += list.length;
  expect(read).toBe(50);
});
