import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeCursor } from '../../src/core/cursor.js';
import { parseStart } from '../../src/core/subscribe/start-text.js';

const now = Date.parse('2026-06-01T12:00:00Z');
const at = (text: string) => parseStart(text, now);

test('takes places, cursors, times and times ago', () => {
  expect(at('earliest')).toEqual({ at: 'earliest' });
  expect(at('latest')).toEqual({ at: 'latest' });
  const cursor = encodeCursor([{ topic: 'orders', incarnation: 'i', positions: [[0, 7]] }]);
  expect(at(cursor)).toEqual({ at: 'cursor', cursor });
  expect(at('-15m')).toEqual({ at: 'time', timestamp: now - 900_000 });
  expect(at('-1.5h')).toEqual({ at: 'time', timestamp: now - 5_400_000 });
  expect(at('-250ms')).toEqual({ at: 'time', timestamp: now - 250 });
  expect(at('2026-01-31T09:30:00Z')).toEqual({ at: 'time', timestamp: Date.parse('2026-01-31T09:30:00Z') });
  expect(at('2026-01-31t09:30:00.25+02:00')).toEqual({ at: 'time', timestamp: Date.parse('2026-01-31T07:30:00.250Z') });
});

test('takes offsets by partition', () => {
  expect(at('0:4711')).toEqual({ at: 'offsets', offsets: new Map([[0, 4711]]) });
  expect(at('0:4711,12:0')).toEqual({
    at: 'offsets',
    offsets: new Map([
      [0, 4711],
      [12, 0],
    ]),
  });
});

test('rounds up, and begins with 1970', () => {
  expect(at('2026-01-31T09:30:00.000000001Z')).toEqual({
    at: 'time',
    timestamp: Date.parse('2026-01-31T09:30:00.001Z'),
  });
  expect(at('1912-06-23T00:00:00Z')).toEqual({ at: 'time', timestamp: 0 });
  expect(at('-9999w')).toEqual({ at: 'time', timestamp: 0 });
});

test.each([
  ['', /earliest, latest, a time/],
  ['yesterday!', /earliest, latest, a time/],
  ['-15', /-15m, -12h or -7d/],
  ['-15 m', /-15m, -12h or -7d/],
  [`-${'9'.repeat(400)}w`, /-15m, -12h or -7d/],
  ['2026-01-31', /a zone/],
  ['2026-01-31T09:30:00', /a zone/],
  ['2026-02-30T09:30:00Z', /a day that exists/],
  ['2026-01-31T25:30:00Z', /hours/],
  ['2026-01-31T09:30:00 02:00', /%2B/],
  ['beginning', /is earliest$/],
  ['0', /is earliest, offset/],
  ['now', /is latest$/],
  ['END', /is latest$/],
  ['1700000000', /2026-01-31T09:30:00Z/],
  ['1700000000000', /2026-01-31T09:30:00Z/],
])('says what it takes instead of %j', (text, message) => {
  expect(() => at(text)).toThrow(
    expect.objectContaining({ reason: 'INVALID_REQUEST', message: expect.stringMatching(message) }),
  );
});

test('any moment that JavaScript writes is read as itself', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
      (date) => {
        expect(at(date.toISOString())).toEqual({ at: 'time', timestamp: date.getTime() });
      },
    ),
  );
});
