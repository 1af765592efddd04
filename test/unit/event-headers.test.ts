import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import { readHeaders, readSchemaVersion, writeHeaders } from '../../src/core/event-headers.js';

const payload = Buffer.from('{}');

test('a complete CloudEvent is stored in the binary mode of the Kafka binding', () => {
  const headers = writeHeaders(
    {
      payload,
      id: '1',
      source: '/a',
      type: 't',
      subject: 's',
      time: '2026-01-01T00:00:00Z',
      attributes: { traceid: 'x' },
    },
    3,
  );
  const texts = Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value).toString()]));
  expect(texts).toEqual({
    mainstem_schema: '3',
    ce_specversion: '1.0',
    'content-type': 'application/json',
    ce_id: '1',
    ce_source: '/a',
    ce_type: 't',
    ce_subject: 's',
    ce_time: '2026-01-01T00:00:00Z',
    ce_traceid: 'x',
  });
  expect(readHeaders(headers)).toEqual({
    id: '1',
    source: '/a',
    type: 't',
    subject: 's',
    time: '2026-01-01T00:00:00Z',
    attributes: { traceid: 'x' },
    schemaVersion: 3,
    rest: [],
  });
});

test("an incomplete one keeps its attributes under the bus's own names, and further headers as they are", () => {
  const extra = [
    ['trace', Buffer.from([0xff, 0])],
    ['trace', Buffer.from('again')],
  ] as const;
  const headers = writeHeaders({ payload, id: 'only-an-id', headers: extra }, undefined);
  expect(headers.map(([name]) => name)).toEqual(['mainstem_schema', 'mainstem_id', 'trace', 'trace']);
  expect(readSchemaVersion(headers)).toBe(0);
  expect(readHeaders(headers)).toEqual({ id: 'only-an-id', attributes: {}, rest: extra });
});

test('names that belong to the bus, and what is too much, are refused by name', () => {
  const bad = (event: object) => () => writeHeaders({ payload, ...event }, 1);
  expect(bad({ headers: [['ce_id', payload]] })).toThrow('"ce_id"');
  expect(bad({ headers: [['mainstem_schema', payload]] })).toThrow('"mainstem_schema"');
  expect(bad({ headers: [['', payload]] })).toThrow('header name');
  expect(bad({ attributes: { Upper: 'x' } })).toThrow('"Upper"');
  expect(bad({ attributes: { specversion: '2' } })).toThrow('"specversion"');
  expect(bad({ attributes: { schema: '9' } })).toThrow('"schema"');
  expect(bad({ id: 'x'.repeat(1025) })).toThrow('id has 1025 bytes');
  expect(bad({ headers: [['big', Buffer.alloc(70_000)]] })).toThrow('at most 65536');
});

test('the media type of the data and its schema are attributes like others: nothing of a CloudEvent is lost', () => {
  const types = { datacontenttype: 'application/vnd.x+json; charset=utf-8', dataschema: 'https://s/1' };
  const whole = writeHeaders({ payload, id: '1', source: '/a', type: 't', attributes: types }, 1);
  const texts = whole.map(([name, value]) => [name, Buffer.from(value).toString()]);
  expect(texts.filter(([name]) => name === 'content-type')).toEqual([['content-type', types.datacontenttype]]);
  expect(readHeaders(whole)).toMatchObject({ attributes: types, rest: [] });
  expect(readHeaders(writeHeaders({ payload, attributes: types }, 1))).toMatchObject({ attributes: types, rest: [] });
  const plain = { datacontenttype: 'application/json' };
  expect(
    readHeaders(writeHeaders({ payload, id: '1', source: '/a', type: 't', attributes: plain }, 1)).attributes,
  ).toEqual({});
  for (const datacontenttype of ['text/xml', 'json', 'application/json5', '']) {
    expect(() => writeHeaders({ payload, attributes: { datacontenttype } }, 1), datacontenttype).toThrow(
      'datacontenttype',
    );
  }
});
