import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dispatched } from '../../support/event-stream.js';
import { type HttpStand, openHttpStand } from '../../support/http-stand.js';

const total = 400;
let stand: HttpStand;
const whole: Record<string, Buffer> = {};
/** In records. */
let largestSlice = 0;

const formats = ['application/x-ndjson', 'text/event-stream', 'text/event-stream, each'] as const;

const ask = async (format: string, query: string, headers: Record<string, string> = {}) => {
  const [accept = '', each] = format.split(', ');
  const answer = await fetch(`${stand.address}/v1/topics/cut/events?follow=false&${query}${each ? '&id_each' : ''}`, {
    headers: { accept, ...headers },
  });
  const body = Buffer.from(await answer.arrayBuffer());
  // An EventSource that has everything is told to stay away.
  if (answer.status === 204) expect([accept, body.length]).toEqual(['text/event-stream', 0]);
  else expect(answer.status).toBe(200);
  return body;
};

beforeAll(async () => {
  stand = await openHttpStand();
  await stand.topic('cut', [], 3);
  // In slices of their own, with letters of two bytes to be cut through.
  for (let n = 0; n < total; n += 20) {
    await stand.publish(
      'cut',
      Array.from({ length: 20 }, (_, i) => `{"n":${n + i},"é":"${'ü'.repeat(i * 20)}"}`),
    );
  }
  for (const format of formats) whole[format] = await ask(format, 'from=earliest');
  const slices = String(whole['application/x-ndjson']).split('{"cursor":');
  largestSlice = Math.max(...slices.map((slice) => slice.split('"data":').length - 1));
  expect(slices.length).toBeGreaterThan(3);
});
afterAll(() => stand[Symbol.asyncDispose]());

interface Got {
  readonly records: { readonly partition: number; readonly offset: number }[];
  /** Where a client goes on. */
  readonly cursor: string | undefined;
}

/** What a client has understood of an answer that may have been cut anywhere. */
function understood(format: string, bytes: Buffer): Got {
  const text = bytes.toString();
  if (format.startsWith('text/event-stream')) {
    const { events, lastEventId } = dispatched(text);
    const records = events.filter(({ type }) => type === 'message').map(({ data }) => JSON.parse(data));
    return { records, cursor: lastEventId || undefined };
  }
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  const cursors = lines.flatMap((line) => line.cursor ?? line.ready?.cursor ?? line.end?.cursor ?? []);
  return { records: lines.filter((line) => 'data' in line), cursor: cursors.at(-1) };
}

test.each(formats)(
  '%s: cut at any byte and resumed, nothing is missing, and each partition is in order',
  async (format) => {
    const bytes = whole[format] ?? Buffer.alloc(0);
    expect(understood(format, bytes).records).toHaveLength(total);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { minLength: 1, maxLength: 3 }), async (cuts) => {
        const all: Got['records'] = [];
        let cursor: string | undefined;
        let next = bytes;
        for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
          const got = understood(format, next.subarray(0, Math.min(cut, next.length)));
          all.push(...got.records);
          cursor = got.cursor ?? cursor;
          const resumed = cursor === undefined ? 'from=earliest' : `from=${cursor}`;
          next =
            format === 'application/x-ndjson' || cursor === undefined
              ? await ask(format, resumed)
              : await ask(format, 'from=earliest', { 'last-event-id': cursor });
        }
        expect(new Set(all.map(({ partition, offset }) => `${partition}/${offset}`)).size).toBe(total);
        // Whoever drops what it has seen sees each partition in order.
        const ends = new Map<number, number>();
        for (const { partition, offset } of all) {
          const end = ends.get(partition) ?? 0;
          expect(offset).toBeLessThanOrEqual(end);
          if (offset === end) ends.set(partition, end + 1);
        }
        // What a cut repeats is the slice that it went through; with a cursor at each record, nothing.
        const repeats = format.endsWith('each') ? 0 : cuts.length * largestSlice;
        expect(all.length - total).toBeLessThanOrEqual(repeats);
      }),
      { numRuns: 15 },
    );
  },
  180_000,
);
