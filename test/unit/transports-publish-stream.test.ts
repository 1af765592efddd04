import { Buffer } from 'node:buffer';
import type { HandlerContext } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import type { Publishing } from '../../src/core/publish/command.js';
import type { PublishBatch } from '../../src/transports/connect/publish-decoder.js';
import { publishStream } from '../../src/transports/connect/publish-stream.js';
import type { StreamForm } from '../../src/transports/connect/stream-form.js';

/** Batches as they are, and no answers. */
const form: StreamForm<PublishBatch, null> = {
  read: (batch) => batch,
  isJson: false,
  answer: () => null,
  failure: () => null,
};

test.each([
  { events: 1, batches: 256 },
  { events: 10_000, batches: 13 },
])('of batches of $events tiny events $batches are under way at most', async ({ events, batches }) => {
  let queued = 0;
  const publishing: Publishing = {
    publish: () => new Promise(() => undefined),
    openStream: () => ({
      draining: new AbortController().signal,
      publish: () => new Promise(() => undefined),
      refuse: () => Promise.reject(new Error('none is refused')),
      add: () => queued++,
      flush: () => undefined,
    }),
  };
  const batch: PublishBatch = {
    topic: 't',
    mode: 'independent',
    events: Array.from({ length: events }, () => ({ payload: Buffer.from('1') })),
    continueAfterFailure: false,
  };
  async function* requests() {
    for (let i = 0; i < 200; i++) yield [batch, batch, batch];
  }
  const abort = new AbortController();
  // Of the context only the signal and the deadline are looked at.
  const context = { signal: abort.signal, timeoutMs: (): number | undefined => undefined } as HandlerContext;
  const answers = publishStream(publishing, requests(), form, context, () => undefined)[Symbol.asyncIterator]();
  const next = answers.next();
  await new Promise(setImmediate);
  expect(queued).toBe(batches);
  abort.abort(new Error('gone'));
  void next.catch(() => undefined);
});
