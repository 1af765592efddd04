import { Buffer } from 'node:buffer';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { type Cursor, decodeCursor } from '../../src/core/cursor.js';
import { readHeaders } from '../../src/core/event-headers.js';
import type { AppendRecord, LogRecord } from '../../src/core/model.js';
import { readAssignmentRecord, readJson, readOffsetRecord, readStreamRecord } from '../../src/core/offsets/records.js';
import { parkedTopicOf } from '../../src/core/parking/names.js';
import { readParked, readRedriven, readResolution } from '../../src/core/parking/records.js';
import { readersOf } from '../../src/core/readers/records.js';
import { decodeRecord } from '../../src/core/topics/record.js';
import { decodeSchema } from '../../src/core/topics/schema-record.js';
import { openEmbedded } from '../../src/drivers/embedded/index.js';
import { kafkaClients, openKafka } from '../../src/drivers/kafka/index.js';
import { useKafka } from '../cluster/use-cluster.js';
import { openStream } from '../support/frames.js';
import { freshTopic, keepAll, readAll } from '../support/log-helpers.js';
import { openBusOn, type TestBus } from '../support/open-bus.js';
import { produceRaw } from '../support/raw-kafka.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** The code of commit 1606b0d wrote these files: see README.md beside them. */
const fixtures = join(import.meta.dirname, '1606b0d');
const never = new AbortController().signal;

async function fixture<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(fixtures, name), 'utf8'));
}

interface Sample {
  readonly name: string;
  readonly text: string;
  readonly value: Record<string, unknown>;
}

interface PlainRecord {
  readonly offset?: number;
  readonly timestamp?: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string])[];
}

interface Records extends Readonly<Record<string, readonly Sample[]>> {}

const bytes = (text: string) => Buffer.from(text, 'base64');
const recordOf = ({ key, value, headers }: PlainRecord): AppendRecord => ({
  key: key === null ? null : bytes(key),
  value: value === null ? null : bytes(value),
  headers: headers.map(([name, text]) => [name, bytes(text)]),
});
const base64 = (each: Uint8Array | null) => (each === null ? null : Buffer.from(each).toString('base64'));
const plain = ({ key, value, headers }: AppendRecord): PlainRecord => ({
  key: base64(key),
  value: base64(value),
  headers: headers.map(([name, each]) => [name, base64(each) ?? '']),
});
const placed = (record: LogRecord): PlainRecord => {
  const { offset, timestamp } = record;
  return { offset, timestamp, ...plain(record) };
};

test('cursors read as the positions that they were', async () => {
  const cursors = await fixture<{ name: string; text: string; cursor: Cursor }[]>('cursors.json');
  expect(cursors).toHaveLength(8);
  for (const { name, text, cursor } of cursors) expect(decodeCursor(text), name).toEqual(cursor);
});

test('records of coordination read as they were written', async () => {
  const records = await fixture<Records>('records.json');
  const read = (kind: string, decode: (value: Uint8Array) => unknown) => {
    const samples = records[kind] ?? [];
    expect(samples.length, kind).toBeGreaterThan(0);
    for (const { name, text, value } of samples) expect(plainOf(decode(Buffer.from(text))), name).toMatchObject(value);
  };
  read('topics', (value) => decodeRecord('t', { value, version: 3 })?.record);
  read('offsets', readOffsetRecord);
  read('assignments', readAssignmentRecord);
  read('streams', readStreamRecord);
  read('generations', readJson);
  read('schemas', (value) => decodeSchema('t', 3, value));
});

test('a topic record from before there were policies and windows gets what they are by default', async () => {
  const { topics = [] } = await fixture<Records>('records.json');
  const early = topics.find(({ name }) => name === 'active, from before policies and windows');
  const entry = { value: Buffer.from(early?.text ?? ''), version: 0 };
  expect(decodeRecord('t', entry)?.record.settings).toMatchObject({
    compatibility: 'BACKWARD',
    reading: 'declared',
    dedupeWindowMs: 600_000,
    dedupeEntries: 1_000_000,
  });
});

test('a reader that was remembered is found', async () => {
  const { readers = [] } = await fixture<Records>('records.json');
  await using bus = await openOld();
  const [subscriber, stream] = readers.map(({ text }) => Buffer.from(text));
  await bus.coordination.create(['readers', 't', 'subscribers', 'mart'], subscriber ?? Buffer.of());
  await bus.coordination.create(['readers', 't', 'streams', 's-1'], stream ?? Buffer.of());
  expect(await readersOf(bus.coordination, 't', String(readers[0]?.value['incarnation']))).toEqual([
    { subscriber: undefined, streamId: 's-1', version: 3 },
    { subscriber: 'mart', streamId: undefined, version: 2 },
  ]);
});

test('headers of parked records tell where these came from', async () => {
  const { parked = [] } = await fixture<{ parked: { value: unknown; record: PlainRecord }[] }>('records.json');
  const [first, redriven, resolution] = parked.map(({ record }) => recordOf(record));
  const expected = parked.map(({ value }) => value);
  expect(first && readParked(first.headers)).toEqual(expected[0]);
  expect(redriven && readRedriven(redriven.headers)).toEqual(expected[1]);
  expect(resolution && readResolution(resolution)).toEqual(expected[2]);
});

interface OldDirectory {
  readonly incarnations: Readonly<Record<string, string>>;
  readonly plainCursor: string;
  readonly generation: number;
  readonly positions: readonly { readonly topic: string; readonly partition: number; readonly next: number }[];
  readonly records: Readonly<Record<string, readonly PlainRecord[]>>;
}

/** The present bus on a copy of the old directory. */
async function openOld(): Promise<TestBus> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  await copyFile(join(fixtures, 'data-directory/format.json'), join(directory.path, 'format.json'));
  const data = await readFile(join(fixtures, 'data-directory/data.mdb.gz'));
  await writeFile(join(directory.path, 'data.mdb'), gunzipSync(data));
  return openBusOn(await openEmbedded({ directory: directory.path }));
}

test('an old data directory opens with its topics, schemas and records', async () => {
  const old = await fixture<OldDirectory>('data-directory.json');
  await using bus = await openOld();
  for (const [place, records] of Object.entries(old.records)) {
    const [topic = '', partition] = place.split('/');
    const { earliest } = await bus.log.bounds(topic, Number(partition));
    expect((await readAll(bus.log, topic, Number(partition), earliest)).map(placed), place).toEqual(records);
  }
  expect(old.records['free/0']?.[0]?.offset).toBe(4);
  const { incarnation, schemaVersions, settings } = await bus.topics.require('orders');
  expect({ incarnation, schemaVersions }).toEqual({ incarnation: old.incarnations['orders'], schemaVersions: [1, 2] });
  expect(settings).toMatchObject({ partitions: 2, keyPointer: '/id', retentionMs: 0 });
  // The windows of identities are read back from the old records.
  const event = { payload: Buffer.from('{"id":"c-0","n":0}'), id: 'order-0', source: '/compat', type: 'order' };
  const publish = { topic: 'orders', mode: 'all_or_nothing', events: [event] } as const;
  expect(await bus.publisher.publish(publish, never)).toMatchObject([{ status: 'stored' }]);
  const wrong = { ...publish, events: [{ payload: Buffer.from('{"id":"x","n":"1"}') }] };
  await expect(bus.publisher.publish(wrong, never)).rejects.toMatchObject({ reason: 'SCHEMA_VIOLATION' });
});

test('a subscriber of an old directory goes on where it had committed, with its parked records', async () => {
  const old = await fixture<OldDirectory>('data-directory.json');
  await using bus = await openOld();
  const { positions, parked } = await bus.subscribers.get('mart');
  const placeOf = ({ topic, partition, next }: OldDirectory['positions'][number]) => ({ topic, partition, next });
  expect(positions.map(placeOf)).toEqual(old.positions.map(placeOf));
  expect(parked).toBe(1);
  expect((await bus.subscribers.listParked('mart', 10, undefined)).records).toMatchObject([
    { position: { topic: 'orders', partition: 0, offset: 3 }, reason: 'first', attempts: 2 },
  ]);

  const stream = openStream(bus.subscriptions, { topic: 'orders', subscriber: 'mart' });
  onTestFinished(() => stream.close());
  const expected = positions.flatMap(({ topic, partition, next }) => restOf(old, topic, partition, next));
  const redriven = textOf(old.records['orders/0']?.[4]);
  const got = await stream.records(expected.length + 1);
  const texts = got.map(({ text }) => text);
  expect(texts.toSorted()).toEqual([...expected.map(({ text }) => text), redriven].toSorted());
  expect(await bus.log.bounds(parkedTopicOf('mart'), 0)).toMatchObject({ earliest: 0 });
});

test('a cursor of an old directory goes on after the records that it covers', async () => {
  const old = await fixture<OldDirectory>('data-directory.json');
  await using bus = await openOld();
  const from = { at: 'cursor', cursor: old.plainCursor } as const;
  const stream = openStream(bus.subscriptions, { topic: 'orders', from });
  onTestFinished(() => stream.close());
  const expected = [...restOf(old, 'orders', 0, 6), ...restOf(old, 'orders', 1, 1)];
  const got = await stream.records(expected.length);
  expect(new Set(got.map(({ partition, text }) => `${partition} ${text}`))).toEqual(
    new Set(expected.map(({ partition, text }) => `${partition} ${text}`)),
  );
  expect(stream.others.map(({ kind }) => kind)).toEqual(['ready']);
});

const textOf = (record: PlainRecord | undefined) => bytes(record?.value ?? '').toString();
const restOf = (old: OldDirectory, topic: string, partition: number, from: number) =>
  (old.records[`${topic}/${partition}`] ?? [])
    .filter(({ offset = 0 }) => offset >= from)
    .map((record) => ({ partition, text: textOf(record) }));

interface Batch {
  readonly name: string;
  readonly batch: string;
  readonly records: readonly PlainRecord[];
}

const brokers = (await useKafka()) ?? [];

test.skipIf(brokers.length === 0).each(kafkaClients)(
  'batches in Kafka are read through %s as they were written',
  async (client) => {
    const batches = await fixture<Batch[]>('kafka-batches.json');
    const log = await openKafka({ brokers, client });
    onTestFinished(() => log.close());
    const topic = freshTopic();
    await log.createTopic(topic, keepAll());
    for (const { batch } of batches) await produceRaw(brokers, topic, 0, bytes(batch));
    const stored = await readAll(log, topic, 0);
    expect(stored.map(plain)).toEqual(batches.flatMap(({ records }) => records));
    expect(stored.map(({ headers }) => readHeaders(headers).schemaVersion)).toEqual([undefined, 2, 2, 2, undefined, 1]);
  },
);

/** Maps as pairs, as the fixtures have them. */
function plainOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, each) => (each instanceof Map ? { map: [...each] } : each)));
}
