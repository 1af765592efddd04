import { describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient, type StartFrom, type SubscribeInput } from '../../src/client/index.js';
import { openApp } from '../support/app-stand.js';
import { driverPairs } from '../support/pairs.js';

describe.each(await driverPairs())('chosen partitions and offsets on $name', (pair) => {
  async function open() {
    const { address, topic: newTopic, bus } = await openApp(pair);
    const client = createMainstemClient({ address });
    onTestFinished(() => client.close());
    const topic = await newTopic(undefined, { partitions: 3 });
    const events = Array.from({ length: 60 }, (_, n) => ({ key: `k${n}`, data: { n } }));
    const results = await client.publish({ topic, events });
    const offsetsOf = (partition: number) =>
      results.filter((each) => each.partition === partition).map(({ offset }) => Number(offset));
    /** By partition, the offsets that a bounded stream brings; and its last cursor. */
    const read = async (more: Partial<SubscribeInput>) => {
      const got = new Map<number, number[]>();
      const input = { from: 'earliest', follow: false, ...more, topic, topics: undefined, pattern: undefined } as const;
      let cursor = '';
      let assigned: readonly number[] = [];
      for await (const frame of client.frames(input)) {
        if (frame.case === 'ready') assigned = frame.value.assignment?.partitions ?? [];
        if (frame.case === 'end') cursor = frame.value.cursor;
        if (frame.case !== 'events') continue;
        for (const { partition = 0, offset = 0n } of frame.value.records) {
          got.set(partition, [...(got.get(partition) ?? []), Number(offset)]);
        }
      }
      return { got: Object.fromEntries(got), cursor, assigned };
    };
    const lines = async (query: string) => {
      const answer = await fetch(`${address}/v1/topics/${topic}/events?follow=false&${query}`);
      const text = await answer.text();
      if (answer.status !== 200) return JSON.parse(text);
      const records = text.split('\n').filter((line) => line.startsWith('{"topic"'));
      return records.map((line) => JSON.parse(line)).map(({ partition, offset }) => `${partition}:${offset}`);
    };
    return { client, topic, bus, read, lines, offsetsOf };
  }

  test('only the partitions that are named are read, whatever the place to begin', async () => {
    const { client, topic, read, lines, offsetsOf } = await open();
    const one = await read({ partitions: [1] });
    expect(one).toMatchObject({ got: { 1: offsetsOf(1) }, assigned: [1] });
    expect((await read({ partitions: [2, 0] })).got).toEqual({ 0: offsetsOf(0), 2: offsetsOf(2) });
    expect((await read({ partitions: [0], from: { time: new Date(0) } })).got).toEqual({ 0: offsetsOf(0) });
    expect((await read({ partitions: [0], from: 'latest' })).got).toEqual({});
    expect(await lines('from=earliest&partition=1')).toEqual(offsetsOf(1).map((offset) => `1:${offset}`));
    expect(await lines('from=earliest&partition=1&partition=2')).toHaveLength(
      offsetsOf(1).length + offsetsOf(2).length,
    );
    expect(await lines('from=earliest&partition=0,2')).toHaveLength(offsetsOf(0).length + offsetsOf(2).length);
    // A cursor of one partition goes on there, and a cursor of all serves for one.
    await client.publish({ topic, events: Array.from({ length: 30 }, (_, n) => ({ key: `k${n}`, data: { n } })) });
    const more = (await read({ partitions: [1], from: { cursor: one.cursor } })).got[1] ?? [];
    expect(more[0]).toBe(offsetsOf(1).length);
    const all = await read({});
    expect((await read({ partitions: [1], from: { cursor: all.cursor } })).got).toEqual({});
    expect((await read({ partitions: [1], until: { cursor: one.cursor } })).got).toEqual({ 1: offsetsOf(1) });
  });

  test('a stream begins at offsets as answers to publishing have them; what they do not name, at its beginning', async () => {
    const { read, lines, offsetsOf } = await open();
    const from: StartFrom = { offsets: [{ partition: 1, offset: 3 }] };
    expect((await read({ from })).got).toEqual({ 0: offsetsOf(0), 1: offsetsOf(1).slice(3), 2: offsetsOf(2) });
    expect((await read({ from, partitions: [1] })).got).toEqual({ 1: offsetsOf(1).slice(3) });
    expect(await lines('from=1:3&partition=1')).toEqual(
      offsetsOf(1)
        .slice(3)
        .map((offset) => `1:${offset}`),
    );
    const both = await lines('from=0:2,1:3&partition=0,1');
    expect(both).toHaveLength(offsetsOf(0).length - 2 + offsetsOf(1).length - 3);
    // At the end there is nothing, and nothing is wrong.
    expect(await lines(`from=2:${offsetsOf(2).length}&partition=2`)).toEqual([]);
    const subscriber = `s-${crypto.randomUUID()}`;
    expect((await read({ from: { offsets: [{ partition: 0, offset: 5n }] }, subscriber })).got[0]).toEqual(
      offsetsOf(0).slice(5),
    );
  });

  test('what is not there is refused at once, and says so', async () => {
    const { read, lines, client, offsetsOf } = await open();
    const refusals: [string, number, RegExp][] = [
      ['partition=3', 400, /has no partition 3: its 3 partitions are 0 to 2/],
      ['partition=1&partition=1', 400, /a partition twice/],
      ['partition=x', 400, /"x" is no partition/],
      ['partition=-1', 400, /no partition/],
      ['from=7:0', 400, /has no partition 7/],
      ['from=0:1,0:2', 400, /names partition 0 twice/],
      ['from=0:', 400, /earliest, latest, a time/],
      ['from=0:1,', 400, /partition:offset/],
      ['from=0:9999999999999999', 400, /partition:offset/],
      ['from=0:1&partition=1', 400, /which partitions does not/],
      [`from=0:${offsetsOf(0).length + 1}`, 409, /beyond the end/],
      ['until=0:1', 400, /begin, but not end/],
      ['partition=1&subscriber=s', 400, /cannot be chosen with a subscriber/],
    ];
    for (const [query, status, detail] of refusals) {
      const problem = await lines(query);
      expect([query, problem.status, problem.detail]).toEqual([query, status, expect.stringMatching(detail)]);
    }
    await expect(read({ partitions: [3] })).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
    const several = async () => {
      for await (const _ of client.frames({ pattern: '*', partitions: [0] })) break;
    };
    await expect(several()).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
  });

  test('partitions that are added later do not join', async () => {
    const { client, topic, bus } = await open();
    const frames = client.frames({ topic, partitions: [0], from: 'earliest' })[Symbol.asyncIterator]();
    const ready = await frames.next();
    expect(ready.value?.case).toBe('ready');
    await bus.topics.apply({ name: topic, settings: { partitions: 4 }, schemas: [] });
    await client.publish({ topic, events: Array.from({ length: 40 }, (_, n) => ({ key: `m${n}`, data: n })) });
    const seen = new Set<number>();
    for (let count = 0; count < 3; count++) {
      const { value } = await frames.next();
      if (value?.case === 'assignment') throw new Error('the assignment has changed');
      if (value?.case === 'events') for (const { partition = 0 } of value.value.records) seen.add(partition);
      if (value?.case === 'events' && value.value.records.some(({ offset = 0n }) => offset >= 20n)) break;
    }
    expect([...seen]).toEqual([0]);
    await frames.return?.();
  });
});
