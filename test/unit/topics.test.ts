import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BusError } from '../../src/core/errors.js';
import type { Coordination } from '../../src/core/ports/coordination.js';
import { MutableStatus } from '../../src/core/ports/dependency.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { createTopics, type TopicsService } from '../../src/core/topics/index.js';
import type { TopicRecord } from '../../src/core/topics/record.js';
import { defaultSettings } from '../../src/core/topics/settings.js';
import type { ActiveTopic } from '../../src/core/topics/topic.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { openEmbeddedCoordination, openEmbeddedLog } from '../../src/drivers/embedded/index.js';
import { inlineJudge } from '../support/inline-judge.js';
import { until } from '../support/wait.js';

const compiler = createSchemaCompiler();
const judge = inlineJudge(compiler);
const person = '{"type":"object","required":["name"]}';
const v1 = { version: 1, definition: person };
const v2 = { version: 2, definition: '{"type":"object"}' };
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

let directory: string;
let log: EventLog;
let a: TopicsService;
let b: TopicsService;
let coordination: Coordination;
let cleanups: (() => Promise<unknown>)[];

/** An instance of its own: a session and watches apart from the others, on the same data. */
async function instance(): Promise<{ topics: TopicsService; coordination: Coordination }> {
  const own = await openEmbeddedCoordination({ directory });
  const topics = createTopics({ log, coordination: own, compiler, judge });
  cleanups.unshift(async () => {
    await topics.close();
    await own.close();
  });
  return { topics, coordination: own };
}

async function started(): Promise<TopicsService> {
  const { topics } = await instance();
  await topics.start();
  return topics;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mainstem-topics-'));
  log = await openEmbeddedLog({ directory });
  cleanups = [() => log.close(), () => rm(directory, { recursive: true })];
  ({ topics: a, coordination } = await instance());
  await a.start();
  b = await started();
});

afterEach(async () => {
  for (const cleanup of cleanups) await cleanup();
});

const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => BusError.from(error).reason,
  );
const people = (settings = {}) => a.create({ name: 'people', settings, schema: person, adopt: false });

/** A creation whose instance died: the record and so many of its schemas are there, and nothing else. */
async function leaveHalfWay(schemas: number): Promise<void> {
  const record: TopicRecord = {
    format: 1,
    incarnation: 'f00',
    state: 'creating',
    settings: defaultSettings,
    schemas: 1,
    adopt: false,
  };
  await coordination.create(['topics', 'half'], encode(record));
  if (schemas > 0) await coordination.create(['topics', 'half', 'schemas', '1'], new TextEncoder().encode(person));
}

describe('creating', () => {
  it('makes a topic that this instance and others can use at once', async () => {
    const info = await people({ partitions: 2, keyPointer: '/name' });
    expect(info).toMatchObject({
      name: 'people',
      state: 'active',
      latestSchemaVersion: 1,
      settings: { partitions: 2, keyPointer: '/name' },
    });
    const topic = a.peek('people');
    expect(topic?.incarnation).toBe(info.incarnation);
    expect(topic?.schema(undefined)?.compiled.accepts({ name: 'Ada' })).toBe(true);
    expect(topic?.schema(1)?.compiled.accepts({})).toBe(false);
    expect(() => topic?.schema(2)).toThrow(expect.objectContaining({ reason: 'SCHEMA_VERSION_NOT_FOUND' }));
    expect(topic?.maxBatchBytes).toBe((await log.describeTopic('people'))?.maxBatchBytes);
    expect((await b.require('people')).incarnation).toBe(info.incarnation);
    expect(await a.get('people')).toMatchObject({
      partitions: [{ earliest: 0, highWatermark: 0 }, { partition: 1 }],
      schemas: [v1],
    });
  });

  it('refuses what is not a topic', async () => {
    expect(await failure(a.create({ name: 'a/b', settings: {}, schema: person, adopt: false }))).toBe(
      'TOPIC_NAME_INVALID',
    );
    expect(await failure(a.create({ name: 'x', settings: {}, adopt: false }))).toBe('TOPIC_SETTINGS_INVALID');
    expect(await failure(a.create({ name: 'x', settings: { schemaless: true }, schema: person, adopt: false }))).toBe(
      'TOPIC_SETTINGS_INVALID',
    );
    expect(await failure(a.create({ name: 'x', settings: {}, schema: '{"type":"x"}', adopt: false }))).toBe(
      'SCHEMA_INVALID',
    );
    expect(await failure(a.require('x'))).toBe('TOPIC_NOT_FOUND');
    expect(await log.listTopics()).toEqual([]);
  });

  it('lets one of two instances win', async () => {
    const outcomes = await Promise.allSettled(
      [a, b].map((topics, i) =>
        topics.create({ name: 'raced', settings: { partitions: i + 1 }, schema: person, adopt: false }),
      ),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find((o) => o.status === 'rejected')?.reason).toMatchObject({ reason: 'TOPIC_ALREADY_EXISTS' });
    expect((await a.require('raced')).settings).toEqual((await b.require('raced')).settings);
  });

  it('adopts a topic of the log, and says how to', async () => {
    await log.createTopic('foreign', { partitions: 3, retentionMs: 60_000, retentionBytes: 0, maxEventBytes: 2048 });
    expect(await a.list()).toMatchObject([
      { name: 'foreign', state: 'unmanaged', incarnation: '', settings: { partitions: 3 } },
    ]);
    expect(await failure(a.require('foreign'))).toBe('TOPIC_NOT_MANAGED');
    await expect(a.create({ name: 'foreign', settings: {}, schema: person, adopt: false })).rejects.toThrow(/adopt/);
    expect(await failure(a.create({ name: 'foreign', settings: { partitions: 4 }, schema: person, adopt: true }))).toBe(
      'TOPIC_SETTINGS_INVALID',
    );
    const info = await a.create({ name: 'foreign', settings: { schemaless: true }, adopt: true });
    expect(info).toMatchObject({ state: 'active', settings: { partitions: 3, retentionMs: 60_000, schemaless: true } });
    expect((await b.require('foreign')).schema(undefined)).toBeUndefined();
    expect(await failure(a.create({ name: 'none', settings: {}, schema: person, adopt: true }))).toBe(
      'TOPIC_NOT_FOUND',
    );
  });

  it('is finished by another instance if all schemas are there, and taken back otherwise', async () => {
    await leaveHalfWay(1);
    const topic = await until(() => b.peek('half'), { what: 'the creation to be finished' });
    expect(topic.incarnation).toBe('f00');
    expect((await log.describeTopic('half'))?.partitions).toBe(1);
    await a.delete('half');

    await leaveHalfWay(0);
    await until(async () => (await coordination.get(['topics', 'half'])) === undefined, {
      what: 'the creation to be taken back',
    });
    expect(await failure(a.require('half'))).toBe('TOPIC_NOT_FOUND');
  });

  it('may be repeated after a crash', async () => {
    for (const topics of [a, b]) await topics.close();
    await leaveHalfWay(1);
    const { topics } = await instance();
    expect(await topics.create({ name: 'half', settings: {}, schema: person, adopt: false })).toMatchObject({
      state: 'active',
      incarnation: 'f00',
    });
    expect(await failure(topics.create({ name: 'half', settings: {}, schema: person, adopt: false }))).toBe(
      'TOPIC_ALREADY_EXISTS',
    );
  });
});

describe('applying', () => {
  const apply = (settings = {}, schemas = [v1]) => a.apply({ name: 'people', settings, schemas });

  it('creates once, and then changes only what differs', async () => {
    expect((await apply({ partitions: 2 })).changes).toEqual(['created', 'schema version 1 added']);
    const { topic } = await apply();
    expect(await apply({ partitions: 2 })).toEqual({ topic, changes: [], warnings: [] });
    const grown = await apply({ partitions: 3, maxEventBytes: 2048 }, [v1, v2]);
    expect(grown.changes).toEqual(['partitions: 2 → 3', 'maxEventBytes: 1048576 → 2048', 'schema version 2 added']);
    expect(grown.warnings).toHaveLength(1);
    expect(grown.topic).toMatchObject({
      latestSchemaVersion: 2,
      incarnation: topic.incarnation,
      settings: { partitions: 3 },
    });
    expect((await log.describeTopic('people'))?.partitions).toBe(3);
    expect((await apply({}, [v1])).warnings).toHaveLength(1);
  });

  it('refuses a changed version, a hole, a loss, and what does not compile, and changes nothing then', async () => {
    const { topic } = await apply({ partitions: 2 }, [v1]);
    expect(await failure(apply({ partitions: 3 }, [{ ...v2, version: 1 }]))).toBe('SCHEMA_VERSION_CONFLICT');
    expect(await failure(apply({ partitions: 3 }, [v1, { ...v2, version: 3 }]))).toBe('TOPIC_SETTINGS_INVALID');
    expect(await failure(apply({ partitions: 1 }))).toBe('TOPIC_SETTINGS_INVALID');
    expect(await failure(apply({ schemaless: true }))).toBe('TOPIC_SETTINGS_INVALID');
    expect(await failure(apply({ partitions: 3 }, [v1, { version: 2, definition: '{"type":1}' }]))).toBe(
      'SCHEMA_INVALID',
    );
    expect((await apply()).topic).toEqual(topic);
  });

  it('gives a schemaless topic a schema', async () => {
    await apply({ schemaless: true }, []);
    expect(await failure(apply({}, [v1]))).toBe('TOPIC_SETTINGS_INVALID');
    await apply({ schemaless: false }, [v1]);
    expect(a.peek('people')?.schema(undefined)?.version).toBe(1);
  });

  it('is seen by other instances: by those who watch, and by those who ask for the version', async () => {
    await people();
    const seen: (ActiveTopic | BusError)[] = [];
    const topic = await b.require('people');
    const stop = b.watch(topic, (now) => seen.push(now));
    await apply({}, [v1, v2]);
    expect((await b.require('people', 2)).schema(2)?.version).toBe(2);
    await until(() => seen.length > 0, { what: 'the new snapshot' });
    expect(seen).toMatchObject([{ incarnation: topic.incarnation }]);
    expect(() => topic.schema(2)).toThrow('the latest is 1');
    stop();
    expect(await failure(b.require('people', 9).then((now) => now.schema(9)))).toBe('SCHEMA_VERSION_NOT_FOUND');
  });
});

describe('deleting', () => {
  it('removes the topic, tells who watches, and lets the name begin anew', async () => {
    const before = await people();
    const seen: (ActiveTopic | BusError)[] = [];
    b.watch(await b.require('people'), (now) => seen.push(now));
    await a.delete('people');
    expect(a.peek('people')).toBeUndefined();
    expect(await failure(b.get('people'))).toBe('TOPIC_NOT_FOUND');
    await until(() => seen.length > 0, { what: 'the end' });
    expect(seen).toMatchObject([{ reason: 'TOPIC_DELETED' }]);
    expect(await log.listTopics()).toEqual([]);
    expect(await coordination.children(['topics'])).toEqual([]);
    const after = await people({ schemaless: false });
    expect(after.incarnation).not.toBe(before.incarnation);
    expect(after.latestSchemaVersion).toBe(1);
    expect(await failure(a.delete('nobody'))).toBe('TOPIC_NOT_FOUND');
  });

  it('tells a watcher whose snapshot is of an earlier life', async () => {
    await people();
    const old = await a.require('people');
    await a.delete('people');
    await people();
    const seen = await new Promise((resolve) => a.watch(old, resolve));
    expect(seen).toMatchObject({ reason: 'TOPIC_DELETED' });
  });

  it('is finished by another instance', async () => {
    await people();
    const entry = await coordination.get(['topics', 'people']);
    const record: TopicRecord = JSON.parse(new TextDecoder().decode(entry?.value));
    await coordination.set(['topics', 'people'], encode({ ...record, state: 'deleting' }), entry?.version ?? -1);
    await until(async () => (await coordination.get(['topics', 'people'])) === undefined, {
      what: 'the deletion to be finished',
    });
    expect(await log.describeTopic('people')).toBeUndefined();
  });
});

describe('trouble', () => {
  it('serves known topics for the grace period while coordination is away', async () => {
    await people();
    const status = new MutableStatus('coordination');
    status.set('up');
    const own: Coordination = Object.create(coordination, { status: { value: status } });
    for (const name of ['get', 'children', 'watch'] as const)
      Object.assign(own, { [name]: coordination[name].bind(coordination) });
    for (const [graceMs, reason] of [
      [60_000, 'no error'],
      [0, 'COORDINATION_UNAVAILABLE'],
    ] as const) {
      const topics = createTopics({ log, coordination: own, compiler, judge, graceMs });
      await topics.start();
      status.set('down', 'gone');
      await until(() => failure(topics.require('people')).then((now) => now === reason), { what: reason });
      expect(await failure((async () => topics.peek('people'))())).toBe(reason);
      expect(await failure(topics.require('unknown'))).toBe('COORDINATION_UNAVAILABLE');
      status.set('up');
      expect(topics.peek('people')).toBeDefined();
      await topics.close();
    }
  });

  it('keeps away from records of newer versions, and passes over empty ones', async () => {
    await coordination.create(['topics', 'newer'], encode({ format: 2 }));
    await coordination.create(['topics', 'late', 'schemas', '7'], encode({}));
    await expect(a.require('newer')).rejects.toThrow('newer version');
    expect(await failure(a.require('late'))).toBe('TOPIC_NOT_FOUND');
    const info = await a.create({ name: 'late', settings: {}, schema: person, adopt: false });
    expect(info.latestSchemaVersion).toBe(1);
  });
});
