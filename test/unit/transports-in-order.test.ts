import { expect, test } from 'vitest';
import { inOrder } from '../../src/transports/connect/in-order.js';
import { until } from '../support/until.js';

/** A source of numbers that tells how many were asked for, and work that ends when the test says so. */
function setUp(inputs: number, limits: { batches: number; bytes: number }, bytes = 1) {
  const progress = until();
  const open = new Map<number, { resolve(value: string): void; reject(error: Error): void }>();
  let asked = 0;
  async function* source() {
    for (; asked < inputs; ) {
      asked++;
      progress.changed();
      yield asked - 1;
    }
  }
  const abort = new AbortController();
  const closing = new AbortController();
  const output = inOrder(
    source(),
    (input) => ({
      bytes,
      result: new Promise<string>((resolve, reject) => {
        open.set(input, { resolve, reject });
        progress.changed();
      }),
    }),
    limits,
    abort.signal,
    closing.signal,
  );
  return { output, open, abort, closing, progress, asked: () => asked };
}

test('answers come in the order of the batches, whichever is done first', async () => {
  const { output, open, progress } = setUp(3, { batches: 10, bytes: 100 });
  const first = output.next();
  await progress.until(() => open.size === 3);
  for (const [input, { resolve }] of [...open].reverse()) resolve(`answer ${input}`);
  const rest = async () => {
    const answers: string[] = [];
    for await (const answer of output) answers.push(answer);
    return answers;
  };
  expect([(await first).value, ...(await rest())]).toEqual(['answer 0', 'answer 1', 'answer 2']);
});

test.each([
  { batches: 4, bytes: 1_000 },
  { batches: 1_000, bytes: 40 },
])('no more is read than $batches batches or $bytes bytes under way', async (limits) => {
  const { output, open, progress, asked } = setUp(100, limits, 10);
  const first = output.next();
  await progress.until(() => open.size === 4);
  await new Promise(setImmediate);
  expect(asked()).toBe(4);
  open.get(0)?.resolve('done');
  await first;
  await progress.until(() => open.size === 5);
  await new Promise(setImmediate);
  expect(asked()).toBe(5);
});

test('a failure ends it at its place in the order', async () => {
  const { output, open, progress } = setUp(3, { batches: 10, bytes: 100 });
  const first = output.next();
  await progress.until(() => open.size === 3);
  open.get(1)?.reject(new Error('broken'));
  open.get(0)?.resolve('done');
  expect((await first).value).toBe('done');
  await expect(output.next()).rejects.toThrow('broken');
});

test('an abort ends it also while it waits for input', async () => {
  const abort = new AbortController();
  const silent: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
  };
  const output = inOrder(
    silent,
    () => ({ bytes: 0, result: Promise.resolve('') }),
    { batches: 1, bytes: 1 },
    abort.signal,
  );
  const next = output.next();
  abort.abort(new Error('gone'));
  await expect(next).rejects.toThrow('gone');
});

test('once it closes, what was started is answered, nothing else is, and its reason ends the stream', async () => {
  const { output, open, closing, progress } = setUp(100, { batches: 2, bytes: 100 });
  const first = output.next();
  await progress.until(() => open.size === 2);
  closing.abort(new Error('closing down'));
  for (const [input, { resolve }] of open) resolve(`answer ${input}`);
  expect((await first).value).toBe('answer 0');
  expect((await output.next()).value).toBe('answer 1');
  await expect(output.next()).rejects.toThrow('closing down');
  expect(open.size).toBe(2);
});
