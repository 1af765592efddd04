import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { openStream } from '../support/frames.js';
import { openBus } from '../support/open-bus.js';
import { base, people, publish, reasonOf, withStatus } from '../support/registry.js';
import { until } from '../support/until.js';

describe('evidence', () => {
  test('is what retained events say, each one that fails by its cursor', async () => {
    await using bus = await openBus();
    const registry = await people(bus, { partitions: 3 });
    for (let i = 0; i < 40; i++) await publish(bus, [{ name: 'Ada', status: i % 8 === 0 ? 'old' : 'a' }]);
    const { report } = await registry.check('people', withStatus('a'), { evidenceEvents: 1_000 });
    expect(report).toMatchObject({ accepted: true, evidence: { events: 40, refused: 5, complete: true } });
    expect(report.findings[0]?.dependsOnReading).toBe(true);
    for (const example of report.evidence?.examples ?? []) {
      expect(example).toMatchObject({ schemaVersion: 1, violations: [{ pointer: '/status', rule: 'enum' }] });
      const stream = openStream(bus.subscriptions, { topic: 'people', from: { at: 'cursor', cursor: example.cursor } });
      await stream.expect('ready');
      const [first] = await stream.records(1);
      expect(first).toMatchObject({ partition: example.partition, offset: example.offset });
      expect(first?.text).toContain('"old"');
      stream.close();
    }
  });

  test('of the newest events is not complete; what was not JSON and tombstones are passed over', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    await publish(bus, [
      { name: 'Ada', status: 'old' },
      ...Array.from({ length: 30 }, () => ({ name: 'Ada', status: 1 })),
    ]);
    const record = (value: Uint8Array | null) => ({ key: null, value, headers: [] });
    await bus.log.append('people', 0, [record(null), record(Buffer.from('x')), record(Buffer.from('{"name":"B"}'))]);
    const newest = await registry.check('people', withStatus('a'), { evidenceEvents: 13 });
    expect(newest.report.evidence).toMatchObject({ events: 11, refused: 10, complete: false });
    expect(newest.report.evidence?.examples).toHaveLength(10);
    const all = await registry.check('people', withStatus('a'), { evidenceEvents: 1_000_000 });
    expect(all.report.evidence).toMatchObject({ events: 32, refused: 31, complete: true });
    // Of another producer's event in the structured mode, its data count.
    const wrapped = '{"specversion":"1.0","id":"1","source":"/","type":"t","data":{"name":"C"}}';
    const type = ['content-type', Buffer.from('application/cloudevents+json')] as const;
    await bus.log.append('people', 0, [{ ...record(Buffer.from(wrapped)), headers: [type] }]);
    const withWrapped = await registry.check('people', withStatus('a'), { evidenceEvents: 1_000_000 });
    expect(withWrapped.report.evidence).toMatchObject({ events: 33, refused: 31 });
    expect(await reasonOf(registry.check('people', base, { evidenceEvents: 1_000_001 }))).toBe('INVALID_REQUEST');
  });
});

describe('readers', () => {
  test('that declared their version are named if a change would break them, live ones and remembered ones', async () => {
    await using bus = await openBus();
    const registry = await people(bus);
    await registry.register('people', withStatus('a'));
    const live = openStream(bus.subscriptions, { topic: 'people', readerSchemaVersion: 2 });
    const { streamId } = await live.expect('ready');
    const durable = openStream(bus.subscriptions, { topic: 'people', subscriber: 'mart', readerSchemaVersion: 2 });
    const ready = await durable.expect('ready');
    const silent = openStream(bus.subscriptions, { topic: 'people', subscriber: 'other' });
    await silent.expect('ready');
    const old = openStream(bus.subscriptions, { topic: 'people', readerSchemaVersion: 1 });
    await old.expect('ready');

    const broken = async () =>
      (await registry.check('people', withStatus('a', 'b'))).report.brokenReaders.map(
        (reader) => [reader.subscriber, reader.streamId, reader.version, reader.finding.verdict] as const,
      );
    const found = await broken();
    expect(found).toHaveLength(2);
    expect(found).toContainEqual([undefined, streamId, 2, 'incompatible']);
    expect(found).toContainEqual(['mart', ready.streamId, 2, 'incompatible']);

    const left = until();
    let streams: string[] = [];
    const path = ['readers', 'people', 'streams'];
    bus.coordination.watch(path, 'children', () => {
      void bus.coordination.children(path).then((names) => {
        streams = names;
        left.changed();
      });
    });
    live.close();
    durable.close();
    await left.until(() => streams.length === 1);
    expect(await broken()).toEqual([['mart', undefined, 2, 'incompatible']]);

    // A version that is not there is refused; it costs nothing.
    const none = openStream(bus.subscriptions, { topic: 'people', readerSchemaVersion: 9 });
    expect(await reasonOf(none.next())).toBe('SCHEMA_VERSION_NOT_FOUND');
    // What was declared of an earlier topic is nothing to a new one.
    old.close();
    silent.close();
    await bus.topics.delete('people');
    await people(bus);
    await registry.register('people', withStatus('a'));
    expect(await broken()).toEqual([]);
  });
});
