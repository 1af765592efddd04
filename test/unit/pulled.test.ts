import { expect, test } from 'vitest';
import { type Pull, type Pulled, pulled, toPulled } from '../../src/core/subscribe/pulled.js';

/** Gives its items at once, and waits before each `undefined`. */
function source(items: (number | undefined | Error)[], log: string[]): Pulled<number> {
  return pulled<number>({
    open: async () => () => {
      const [item] = items.splice(0, 1);
      if (item instanceof Error) throw item;
      if (item === undefined) return items.length > 0 ? Promise.resolve() : { done: true, value: undefined };
      return { done: false, value: item };
    },
    close: () => log.push('closed'),
    explain: (error) => new Error(`explained: ${error instanceof Error ? error.message : error}`),
  });
}

async function all(items: AsyncIterable<number>): Promise<number[]> {
  const got: number[] = [];
  for await (const item of items) got.push(item);
  return got;
}

test('what is there is given at once, without a promise; the end closes, once', async () => {
  const log: string[] = [];
  const stream = source([1, 2], log);
  await stream.pull();
  expect([stream.pull(), stream.pull()]).toEqual([
    { done: false, value: 1 },
    { done: false, value: 2 },
  ]);
  expect(log).toEqual([]);
  expect([stream.pull(), stream.pull()]).toEqual([
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
  stream.stop();
  expect(log).toEqual(['closed']);
});

test('who iterates gets the same, and closes by leaving', async () => {
  expect(await all(source([1, undefined, 2, undefined, 3], []))).toEqual([1, 2, 3]);
  const log: string[] = [];
  for await (const item of source([1, 2], log)) if (item === 1) break;
  expect(log).toEqual(['closed']);
});

test('a failure is explained, of the start too, and is the last thing that comes', async () => {
  const log: string[] = [];
  const stream = source([1, new Error('broken'), 2], log);
  await stream.pull();
  void stream.pull();
  expect(() => stream.pull()).toThrow('explained: broken');
  expect(stream.pull()).toEqual({ done: true, value: undefined });
  expect(log).toEqual(['closed']);
  const unopened = pulled<number>({
    open: () => Promise.reject(new Error('no start')),
    close: () => undefined,
    explain: () => new Error('explained'),
  });
  await expect(all(unopened)).rejects.toThrow('explained');
});

test('a stream that is stopped while it waits ends, and whoever waits hears of it', async () => {
  let arrive: () => void = () => undefined;
  const stream = pulled<number>({
    open: async () => (): Pull<number> =>
      new Promise((resolve) => {
        arrive = resolve;
      }),
    close: () => arrive(),
    explain: (error) => new Error(String(error)),
  });
  const reading = all(stream);
  await new Promise((resolve) => setImmediate(resolve));
  stream.stop();
  expect(await reading).toEqual([]);
});

test('any stream can be pulled; stopping lets it clean up', async () => {
  const log: string[] = [];
  async function* numbers(): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
      log.push('read to the end');
    } finally {
      log.push('clean');
    }
  }
  const whole = toPulled(numbers());
  expect(toPulled(whole)).toBe(whole);
  expect(await all(whole)).toEqual([1, 2]);
  const part = toPulled(numbers());
  await part.pull();
  expect(part.pull()).toEqual({ done: false, value: 1 });
  part.stop();
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual(['read to the end', 'clean', 'clean']);
});
