import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { skipValue } from '../../src/core/json-syntax.js';
import { findPayloads } from '../../src/transports/connect/exact-json/event-payloads.js';
import { exactPayloads } from '../../src/transports/connect/exact-json/text-decoder.js';
import { parsingSuite } from '../support/corpora.js';

/** Where JSON may have space. */
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const number = fc.oneof(
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,30})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,4})?$/),
  fc.constantFrom('12345678901234567890', '1.0', '-0', '1e400'),
);
/** Names that matter to the scanner turn up everywhere, spelt in every way; and texts that look like JSON. */
const string = fc.oneof(
  fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value)),
  fc.constantFrom('"json"', '"events"', '"\\u006ason"', '"__proto__"', '"{\\"json\\":"', '"\\\\"', '"\\ud800"', '"]}"'),
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'json' },
    fc.oneof(number, string, fc.constantFrom('true', 'false', 'null')),
    fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'json' }).map((items) => `[${items.join(' ,\n')}]`),
    fc
      .array(fc.tuple(string, space, tie('value')), { maxLength: 4, depthIdentifier: 'json' })
      .map((members) => `{${members.map(([name, gap, member]) => `${gap}${name}:${gap}${member}`).join(',')}}`),
  ),
}));

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const isRequest = (bytes: Uint8Array) => {
  try {
    exactPayloads.decode(bytes);
    return true;
  } catch {
    return false;
  }
};

test('finds each payload, and nothing else, however the request is written', () => {
  const json = fc.constantFrom('"json"', '"\\u006ason"', '"\\u006a\\u0073\\u006f\\u006e"', '"js\\u006Fn"');
  const other = fc.record({ name: fc.constantFrom('"id"', '"jsonBytes"', '"JSON"', '"jso"', '"\\u006bson"'), value });
  const event = fc.record({ name: json, payload: value, before: fc.array(other), after: fc.array(other), gap: space });
  const events = fc.array(event, { maxLength: 5 });
  const name = fc.constantFrom('"events"', '"\\u0065vents"');
  fc.assert(
    fc.property(events, name, value, space, (list, eventsName, elsewhere, gap) => {
      const members = (others: { name: string; value: string }[]) => others.map((each) => `${each.name}:${each.value}`);
      const elements = list.map(({ name: spelt, payload, before, after, gap: around }) => {
        const own = `${spelt}${around}:${around}${payload}${around}`;
        return `{${[...members(before), own, ...members(after)].join(',')}}`;
      });
      const text = `${gap}{"x":${elsewhere},${eventsName}:${gap}[${elements.join(`${gap},`)}]${gap},"json":${elsewhere}}${gap}`;
      const bytes = Buffer.from(text);
      const found = findPayloads(bytes).map((span) => [span.event, bytes.toString('utf8', span.start, span.end)]);
      expect(found).toEqual(list.map(({ payload }, index) => [index, payload]));

      // What the codec gets is the request with texts in the place of payloads: each holds the payload exactly.
      const decoded = JSON.parse(exactPayloads.decode(bytes));
      expect(decoded.events.map((each: { json: unknown }) => each.json)).toEqual(list.map(({ payload }) => payload));
    }),
    { numRuns: 500 },
  );
});

test('takes as JSON what JSON.parse takes, whole or with a character changed', () => {
  const change = fc.tuple(
    fc.nat(),
    fc.constantFrom(
      '',
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '-',
      '.',
      'e',
      ' ',
      '\n',
      '\u0001',
      'é',
      '\ufeff',
    ),
  );
  let refused = 0;
  fc.assert(
    fc.property(value, change, fc.boolean(), (payload, [place, put], asEvent) => {
      const text = asEvent ? `{"events":[{"json":${payload}}]}` : payload;
      expect(isRequest(Buffer.from(text))).toBe(true);
      const at = place % (text.length + 1);
      const changed = `${text.slice(0, at)}${put}${text.slice(at + 1)}`.toWellFormed();
      expect(isRequest(Buffer.from(changed)), changed).toBe(isJson(changed));
      if (!isJson(changed)) refused++;
    }),
    { numRuns: 2_000 },
  );
  expect(refused).toBeGreaterThan(200);
});

const suite = parsingSuite();
test.skipIf(suite === undefined)('decides as the JSON parsing test suite demands, alone and as a payload', () => {
  expect(suite?.length).toBeGreaterThan(300);
  for (const { name, text } of suite ?? []) {
    const request = Buffer.concat([Buffer.from('{"events":[{"json":'), text, Buffer.from('}]}')]);
    const accepted = [isRequest(text), isRequest(request)];
    if (name.startsWith('y_')) {
      expect(accepted, name).toEqual([true, true]);
      const [span] = findPayloads(request);
      expect(request.toString('utf8', span?.start, span?.end), name).toBe(text.toString().trim());
    }
    if (name.startsWith('n_')) expect(accepted, name).toEqual([false, false]);
  }
});

test.each<[string | Uint8Array, string, string]>([
  ['', 'INVALID_REQUEST', 'the text ends too early at byte 0'],
  ['{"events":[}', 'INVALID_REQUEST', "unexpected '}' at byte 11"],
  ['{"events":[{"json":1}]}x', 'INVALID_REQUEST', "unexpected 'x' at byte 23"],
  [
    '{"events":[{"json":1},{"json":{"a":tru}}]}',
    'PAYLOAD_NOT_JSON',
    "event 1: the payload is not JSON: unexpected '}' at byte 38",
  ],
  ['{"events":[{"json":"a\nb"}]}', 'PAYLOAD_NOT_JSON', 'byte 0x0a at byte 21'],
  ['{"events":[{"json":\ufeff1}]}', 'PAYLOAD_NOT_JSON', 'byte 0xef at byte 19'],
  ['\ufeff{"events":[]}', 'INVALID_REQUEST', 'byte order mark'],
  [Buffer.from('{"topic":"\xff"}', 'latin1'), 'INVALID_REQUEST', 'not valid UTF-8'],
  [
    Buffer.from('{"events":[{"json":1},{"json":"\xff"}]}', 'latin1'),
    'PAYLOAD_NOT_JSON',
    'event 1: the payload is not JSON: not valid UTF-8',
  ],
])('refuses %j, and says where it is wrong', (request, reason, message) => {
  expect(() => exactPayloads.decode(Buffer.from(request))).toThrow(
    expect.objectContaining({
      code: 3,
      rawMessage: expect.stringContaining(message),
      details: expect.arrayContaining([expect.objectContaining({ value: expect.objectContaining({ reason }) })]),
    }),
  );
});

test('takes any depth and length in its stride', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const depth = 1_000_000;
    const deep = Buffer.from(`${open.repeat(depth)}1${close.repeat(depth)}`);
    expect(skipValue(deep, 0)).toBe(deep.length);
    expect(() => skipValue(deep.subarray(0, -1), 0)).toThrow('too early');
  }
  const digits = Buffer.from('9'.repeat(1_000_000));
  expect(skipValue(digits, 0)).toBe(digits.length);
});
