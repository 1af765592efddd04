import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventInput, Protocol } from '../../src/client/index.js';
import { peakGrowth } from '../support/process-memory.js';
import { type HostileBus, post, refusal, startBus } from './bus.js';

let bus: HostileBus;
beforeAll(async () => {
  bus = await startBus();
});
afterAll(() => bus.dispose());

const publish = (body: string | Uint8Array<ArrayBuffer>) => post(bus.address, 'PublishService/Publish', body);
const bytes = (...parts: (string | number)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
const MiB = 1024 * 1024;
const good: EventInput = { payload: '{"good":true}' };
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** What is no JSON payload, and the words that the publisher gets. */
const bad: Record<string, { payload: Uint8Array; reason?: string; says: RegExp }> = {
  'not JSON': { payload: bytes('{"a":}'), says: /not JSON: Unexpected token/ },
  empty: { payload: bytes(), says: /empty/ },
  'two values': { payload: bytes('{} {}'), says: /not JSON/ },
  NaN: { payload: bytes('NaN'), says: /not JSON/ },
  'a raw control character': { payload: bytes('"a', 0, 'b"'), says: /not JSON/ },
  'invalid UTF-8': { payload: bytes('"', 0xff, '"'), says: /not valid UTF-8/ },
  'an overlong NUL': { payload: bytes('"', 0xc0, 0x80, '"'), says: /not valid UTF-8/ },
  'a surrogate in UTF-8': { payload: bytes('"', 0xed, 0xa0, 0x80, '"'), says: /not valid UTF-8/ },
  'UTF-16': { payload: Buffer.from('﻿{}', 'utf16le'), says: /not valid UTF-8/ },
  'a byte order mark': { payload: bytes(0xef, 0xbb, 0xbf, '{}'), says: /byte order mark/ },
  '101 levels': { payload: bytes(deep(101)), says: /deeper than 100/ },
  '100,000 levels': { payload: bytes(deep(100_000)), says: /deeper than 100/ },
  '100,000 levels that never close': { payload: bytes('{"a":'.repeat(100_000)), says: /deeper than 100/ },
  'a byte over the limit': {
    payload: bytes(`"${'x'.repeat(MiB - 1)}"`),
    reason: 'EVENT_TOO_LARGE',
    says: new RegExp(`${MiB + 1} bytes; .*at most ${MiB}`),
  },
};

describe.each<Protocol>(['connect', 'grpc', 'grpc-web'])('a payload over %s', (protocol) => {
  test.each(Object.entries(bad))(
    'that is wrong is refused by event and in words, and nothing is stored: %s',
    async (_, { payload, reason = 'PAYLOAD_NOT_JSON', says }) => {
      const client = bus.over(protocol);
      const before = await bus.stored();
      const error = await refusal(client.publish({ topic: 'events', events: [good, good, { payload }, good] }));
      expect(error).toMatchObject({ code: 'invalid_argument', reason, retryable: false });
      expect(error.message).toMatch(/^event 2: /);
      expect(error.message).toMatch(says);
      expect(error.violations).toMatchObject([{ event: 2, pointer: '' }]);
      const results = await client.publish({ topic: 'events', mode: 'independent', events: [good, { payload }] });
      expect(results.map(({ reason: why }) => why)).toEqual(['', reason]);
      expect(await bus.stored()).toEqual([...before, '{"good":true}']);
    },
  );
});

test('what looks odd and is JSON goes in and comes out, byte for byte', async () => {
  const odd = [
    '"\\ud800"',
    '{"\\udfff":"\\ud83d"}',
    '9'.repeat(1_000_000),
    `-0.${'0'.repeat(1_000)}1e-999999`,
    deep(100),
    `"${'x'.repeat(MiB - 2)}"`,
    // Half a million characters are a million bytes: it is bytes that count.
    `"${'é'.repeat(MiB / 2 - 1)}"`,
    `"${'\\u0000'.repeat(1_000)}"`,
    '{"__proto__":{"toString":1},"constructor":null,"a":1,"a":2}',
    ' \r\n\t 1 \n',
  ];
  const before = await bus.stored();
  for (const payload of odd) await bus.client.publish({ topic: 'events', events: [{ payload }] });
  expect((await bus.stored()).slice(before.length)).toEqual(odd);
  const tooLarge = `"${'é'.repeat(MiB / 2)}"`;
  expect(await refusal(bus.client.publish({ topic: 'events', events: [{ payload: tooLarge }] }))).toMatchObject({
    reason: 'EVENT_TOO_LARGE',
  });
});

test('from curl: what cannot be read as a request says so, with a reason', async () => {
  const wrong: [string | Uint8Array<ArrayBuffer>, RegExp][] = [
    ['', /JSON/],
    ['{"topic":"events","events":[{"json":{"a":}}]}', /JSON/],
    ['[]', /PublishRequest/],
    ['{"topic":"events","evens":[]}', /"evens" is unknown/],
    ['{"topic":5,"events":[{"json":1}]}', /topic.*expected string/],
    ['{"topic":"events","events":[{"jsonBytes":"%%%"}]}', /json_bytes.*base64/],
    ['{"topic":"events","events":[{}]}', /event 0: neither/],
    [bytes(0xef, 0xbb, 0xbf, '{"topic":"events","events":[{"json":1}]}'), /JSON|byte order mark/],
    [bytes('{"topic":"events","events":[{"keyText":"', 0xff, '","json":1}]}'), /UTF-8/],
    [`{"topic":"events","events":[{"json":${deep(100_000)}}]}`, /deep|depth/],
    [deep(100_000), /JSON|PublishRequest|deep|depth/],
  ];
  const before = await bus.stored();
  for (const [body, says] of wrong) {
    const answer = await publish(body);
    const shown = body.slice(0, 80).toString();
    expect(answer, shown).toMatchObject({
      status: 400,
      code: 'invalid_argument',
      message: expect.stringMatching(says),
    });
    expect(answer.reason, shown).toMatch(/^(INVALID_REQUEST|PAYLOAD_NOT_JSON)$/);
  }
  expect(await bus.stored()).toEqual(before);
  await bus.check();
});

test('no amount of bad payloads makes the server grow', async () => {
  const abuse = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const payloads = [
        deep(500_000),
        `{"a":"${'\\ud800'.repeat(100_000)}`,
        '{"a":'.repeat(200_000),
        '9'.repeat(MiB + 1),
      ];
      await Promise.all(
        payloads.map((payload) => refusal(bus.client.publish({ topic: 'events', events: [{ payload }] }))),
      );
    }
  };
  await abuse(10);
  expect(await peakGrowth(bus.server.pid, () => abuse(40))).toBeLessThan(300);
  await bus.check();
});
