/**
 * Makes the fixtures beside this file with the code of commit 1606b0d; see README.md. Plain JavaScript, because the types of a later commit are others.
 *
 * usage: npx tsx test/compat/1606b0d/make.mjs CHECKOUT    CHECKOUT: the root of a checkout of commit 1606b0d, with its node_modules
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = resolve(process.argv[2] ?? '.');
const load = (path) => import(pathToFileURL(join(root, path)).href);
const out = import.meta.dirname;
const never = new AbortController().signal;
/** A line for each member at the top: short files, whose differences can be read. */
const save = (name, value) => {
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const lines = Object.entries(value).map(
    ([key, each]) => `${Array.isArray(value) ? '' : `${JSON.stringify(key)}: `}${JSON.stringify(each)}`,
  );
  return writeFile(join(out, name), `${open}\n${lines.join(',\n')}\n${close}\n`);
};
const base64 = (bytes) => (bytes === null ? null : Buffer.from(bytes).toString('base64'));
const plain = ({ offset, timestamp, key, value, headers }) => ({
  offset,
  timestamp,
  key: base64(key),
  value: base64(value),
  headers: headers.map(([name, bytes]) => [name, base64(bytes)]),
});

const { encodeCursor } = await load('src/core/cursor.ts');
const { encodeRecord } = await load('src/core/topics/record.ts');
const { defaultSettings } = await load('src/core/topics/settings.ts');
const { encodeSchema, schemaDigest } = await load('src/core/topics/schema-record.ts');
const { writeAssignment, writeRecord } = await load('src/core/offsets/records.ts');
const { encodeReader } = await load('src/core/readers/records.ts');
const { parkedRecord, redrivenRecord, resolutionRecord } = await load('src/core/parking/records.ts');
const { parkedTopicOf } = await load('src/core/parking/names.ts');
const { writeHeaders } = await load('src/core/event-headers.ts');
const { layOut, writeBatch } = await load('src/drivers/kafka/protocol/record-batch.ts');
const { openEmbedded } = await load('src/drivers/embedded/index.ts');
const { openBusOn } = await load('test/support/open-bus.ts');
const { openStream } = await load('test/support/frames.ts');

async function makeCursors() {
  const incarnation = '0b6f7a52-8d3c-4d0e-9a55-0d4a3f1f9f10';
  const partitions = (count, offset) => Array.from({ length: count }, (_, i) => [i, offset(i)]);
  const shapes = {
    'no topics': [],
    'one partition at its beginning': [{ topic: 'people', incarnation, positions: [[0, 0]] }],
    'no partitions': [{ topic: 'people', incarnation, positions: [] }],
    'twelve partitions': [{ topic: 'orders.v1', incarnation, positions: partitions(12, (i) => 1000 * i + 7) }],
    'some partitions, not in order': [
      { topic: 'a_b-c.d', incarnation, positions: [[7, 12], [3, 128], [900, 2 ** 31]] },
    ],
    'the largest offset': [{ topic: 't', incarnation, positions: [[0, Number.MAX_SAFE_INTEGER]] }],
    'several topics': ['a', 'b'.repeat(249), 'c'].map((topic, i) => ({
      topic,
      incarnation: `${incarnation}-${i}`,
      positions: partitions(i + 1, (n) => 2 ** (20 * i) + n),
    })),
    'a thousand partitions': [{ topic: 'wide', incarnation, positions: partitions(1000, (i) => 4_000_000_000 + i * 977) }],
  };
  await save(
    'cursors.json',
    Object.entries(shapes).map(([name, cursor]) => ({ name, text: encodeCursor(cursor), cursor })),
  );
}

async function makeRecords() {
  const incarnation = '7a1f52f0-27ab-4b7f-8a52-63c01e3cb9b0';
  const settled = { ...defaultSettings, partitions: 3, replicationFactor: 1, minInsyncReplicas: 1, keyPointer: '/id' };
  const { compatibility: _1, reading: _2, dedupeWindowMs: _3, dedupeEntries: _4, ...early } = settled;
  const log = { maxBatchBytes: 1_245_184, publisherTime: false };
  const topics = {
    creating: { format: 1, incarnation, state: 'creating', settings: defaultSettings, schemas: 2, adopt: false },
    active: { format: 1, incarnation, state: 'active', settings: settled, log },
    'active, with schema states': {
      format: 1,
      incarnation,
      state: 'active',
      settings: { ...settled, compatibility: 'FULL_TRANSITIVE', reading: 'all', dedupeWindowMs: 0 },
      log,
      schemaStates: { 1: 'closed', 2: 'deprecated' },
    },
    'active, from before policies and windows': { format: 1, incarnation, state: 'active', settings: early, log },
    deleting: { format: 1, incarnation, state: 'deleting', settings: settled, log },
  };
  const offsets = {
    'first start': { incarnation, generation: 0, next: 0, earlier: [] },
    claimed: { incarnation, generation: 4, next: 12, owner: 'stream-1', earlier: [], claimedAt: 1_700_000_000_000 },
    committed: {
      incarnation,
      generation: 9,
      next: 9_007_199_254_740_000,
      owner: 'stream-2',
      earlier: [7, 8],
      committedAt: 1_700_000_000_001,
      claimedAt: 1_700_000_000_000,
    },
  };
  const share = (generation, partitions, yields = false) => ({ generation, partitions: new Map(partitions), yields });
  const assignments = {
    'nobody there': { next: 1, epoch: 'e-0', members: new Map() },
    'two streams': {
      next: 12,
      epoch: 'e-1',
      members: new Map([
        ['s-1', share(10, [['orders', [0, 2]], ['free', [0]]])],
        ['s-2', share(11, [['orders', [1]]], true)],
      ]),
    },
    'a reset that is pending': {
      next: 13,
      epoch: 'e-2',
      members: new Map(),
      pending: {
        generation: 12,
        at: 1_700_000_000_000,
        positions: new Map([['orders', { incarnation, offsets: new Map([[0, 5], [1, 0]]) }]]),
      },
    },
    deleting: { next: 13, epoch: 'e-3', members: new Map(), deleting: true },
  };
  const definition = '{ "type": "object",\n "properties": {"id": {"$ref": "mainstem:id"}} }';
  const frozen = '{"type":"object","properties":{"id":{"type":"string"}}}';
  const schema = { version: 3, definition, digest: schemaDigest(definition), registeredAt: 1_700_000_000_000 };
  const schemas = {
    'with its frozen form': { ...schema, frozen, references: ['mainstem:id'] },
    'without references': { ...schema, frozen: undefined, references: [] },
  };
  const origin = { topic: 'orders', incarnation, partition: 1, offset: 41 };
  const parked = { ...origin, time: 1_700_000_000_000, reason: 'ünlesbar', attempts: 3 };
  const record = { key: Buffer.from('k'), value: Buffer.from('{"n":2.0}'), headers: [['x-trace', Buffer.from([0, 255])]] };
  const text = (bytes) => Buffer.from(bytes).toString();
  const each = (shapes, encode) =>
    Object.entries(shapes).map(([name, value]) => ({ name, text: text(encode(value)), value: jsonOf(value) }));
  await save('records.json', {
    topics: each(topics, encodeRecord),
    offsets: each(offsets, writeRecord),
    assignments: each(assignments, writeAssignment),
    streams: each(
      {
        topics: { topics: ['orders', 'free'], instance: 'host:1', since: 1_700_000_000_000, readerSchemaVersion: 2 },
        pattern: { pattern: 'o*', instance: 'host:2', since: 1_700_000_000_000 },
      },
      writeRecord,
    ),
    readers: each(
      { subscriber: { incarnation, version: 2, subscriber: 'mart' }, stream: { incarnation, version: 3 } },
      encodeReader,
    ),
    generations: each({ floor: { floor: 77 } }, writeRecord),
    schemas: [
      ...each(schemas, encodeSchema),
      { name: 'from before records had facts', text: definition, value: { version: 3, definition } },
    ],
    parked: [
      { name: 'parked', value: parked, record: plain(parkedRecord(record, parked)) },
      { name: 'redriven', value: parked, record: plain(redrivenRecord(record, parked)) },
      {
        name: 'resolution',
        value: { outcome: 'discarded', before: 9, positions: [origin] },
        record: plain(resolutionRecord({ outcome: 'discarded', before: 9, positions: [origin] })),
      },
    ],
  });
}

/** Maps become arrays of pairs. */
const jsonOf = (value) =>
  JSON.parse(JSON.stringify(value, (_, each) => (each instanceof Map ? { map: [...each] } : each)));

async function makeKafkaBatches() {
  const headers = writeHeaders({ payload: Buffer.from('{}'), id: '1', source: '/s', type: 't' }, 2);
  const batches = {
    'one event': [{ key: null, value: Buffer.from('{"n":1}'), headers: writeHeaders({ payload: Buffer.from('{}') }, 0) }],
    'events with keys and metadata': [
      { key: Buffer.from('k'), value: Buffer.from('{"n":1}'), headers },
      { key: Buffer.from('k'), value: Buffer.from(`{"text":"${'ä'.repeat(200)}"}`), headers },
      {
        key: Buffer.from([0, 255]),
        value: Buffer.from('{"n":3}'),
        headers: writeHeaders({ payload: Buffer.from('{}'), headers: [['a', Buffer.from('1')], ['a', Buffer.from('2')]] }, 2),
      },
      { key: Buffer.from('k'), value: null, headers: [] },
    ],
    'with an idempotency key': [
      { key: null, value: Buffer.from('[1]'), headers: writeHeaders({ payload: Buffer.from('[1]') }, 1, '0 call-1') },
    ],
  };
  const made = Object.entries(batches).map(([name, records]) => {
    const layout = layOut(records);
    const bytes = Buffer.alloc(layout.bytes);
    writeBatch(bytes, 0, records, layout, 1_700_000_000_000);
    return { name, batch: base64(bytes), records: records.map((record) => plain(record)) };
  });
  await save('kafka-batches.json', made);
}

async function makeDataDirectory() {
  const directory = await mkdtemp(join(tmpdir(), 'mainstem-compat-'));
  const bus = await openBusOn(await openEmbedded({ directory }));
  const settings = { retentionMs: 0 };
  const schema = (more) => JSON.stringify({ type: 'object', required: ['id'], properties: { id: { type: 'string' }, ...more } });
  await bus.topics.create({
    name: 'orders',
    settings: { ...settings, partitions: 2, keyPointer: '/id' },
    schema: schema({}),
    adopt: false,
  });
  const options = { acceptUndecided: false, evidenceEvents: 0, policy: {} };
  const definition = schema({ n: { type: 'integer' } });
  await bus.schemas.register({ topic: 'orders', definition, expectedVersion: undefined, options }, never);
  await bus.topics.create({ name: 'free', settings: { ...settings, schemaless: true }, adopt: false });
  const publish = (topic, events) => bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
  const orders = (from, to) =>
    Array.from({ length: to - from }, (_, i) => ({
      payload: Buffer.from(JSON.stringify({ id: `c-${(from + i) % 5}`, n: from + i })),
      id: `order-${from + i}`,
      source: '/compat',
      type: 'order',
    }));
  await publish('orders', orders(0, 30));
  await publish('free', Array.from({ length: 10 }, (_, i) => ({ payload: Buffer.from(`{"n": ${i}.0}`) })));
  await bus.log.truncateBefore('free', 0, 4);

  const stream = openStream(bus.subscriptions, { topic: 'orders', subscriber: 'mart', from: { at: 'earliest' } });
  let assignment = (await stream.expect('ready')).assignment;
  while (assignment.generation === undefined) ({ assignment } = await stream.expect('assignment'));
  const got = await stream.records(30);
  const { generation } = assignment;
  const { incarnation } = await bus.topics.require('orders');
  const at = (positions) => encodeCursor([{ topic: 'orders', incarnation, positions }]);
  await bus.subscriptions.commit({ subscriber: 'mart', cursor: at([[0, 3], [1, 4]]), generation }, never);
  for (const [offset, reason] of [[3, 'first'], [4, 'second']]) {
    const place = { subscriber: 'mart', topic: 'orders', partition: 0, offset, reason, attempts: 2 };
    await bus.subscribers.park({ ...place, generation }, never);
  }
  stream.close();
  await bus.subscribers.redrive('mart', [{ topic: 'orders', partition: 0, offset: 4 }]);
  const plainCursor = at([[0, 6], [1, 1]]);
  const subscriber = await bus.subscribers.get('mart');
  const records = {};
  for (const [topic, partition] of [['orders', 0], ['orders', 1], ['free', 0], [parkedTopicOf('mart'), 0]]) {
    const { earliest } = await bus.log.bounds(topic, partition);
    const result = await bus.log.read(topic, partition, earliest, 1024 * 1024);
    records[`${topic}/${partition}`] = result.records.map(plain);
  }
  const incarnations = { orders: incarnation, free: (await bus.topics.require('free')).incarnation };
  if (got.length !== 30) throw new Error(`the stream has sent ${got.length} events`);
  await bus[Symbol.asyncDispose]();

  // A compacted copy: without the pages that writes have left free.
  const { open } = createRequire(join(root, 'package.json'))('lmdb');
  const environment = open(join(directory, 'data.mdb'), { noSubdir: true, maxDbs: 12, readOnly: true });
  const copy = await mkdtemp(join(tmpdir(), 'mainstem-compat-copy-'));
  await environment.backup(join(copy, 'data.mdb'), true);
  await environment.close();
  const { readFile } = await import('node:fs/promises');
  await mkdir(join(out, 'data-directory'), { recursive: true });
  await writeFile(join(out, 'data-directory/data.mdb.gz'), gzipSync(await readFile(join(copy, 'data.mdb')), { level: 9 }));
  await copyFile(join(directory, 'format.json'), join(out, 'data-directory/format.json'));
  await save('data-directory.json', { incarnations, plainCursor, generation, positions: subscriber.positions, records });
  for (const each of [directory, copy]) await rm(each, { recursive: true });
}

await makeCursors();
await makeRecords();
await makeKafkaBatches();
await makeDataDirectory();
