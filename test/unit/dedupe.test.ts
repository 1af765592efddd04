import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callText, idText, recordText, toIdentity } from '../../src/core/dedupe/identity.js';
import { createIdentityIndex } from '../../src/core/dedupe/identity-index.js';
import { entryBytes } from '../../src/core/dedupe/segment.js';
import { writeHeaders } from '../../src/core/event-headers.js';
import { allowAll } from '../../src/core/ports/authorizer.js';
import { type Clock, systemClock } from '../../src/core/ports/clock.js';
import { defaultPublishLimits, type EventInput } from '../../src/core/publish/command.js';
import { identityOf as identityOfEvent, partitionOf } from '../../src/core/publish/partitioner.js';
import { createPublisher } from '../../src/core/publish/publisher.js';
import { defaultSettings } from '../../src/core/topics/settings.js';
import type { ActiveTopic, Topics } from '../../src/core/topics/topic.js';
import { createMemoryWorld, type Link } from '../../src/drivers/memory/index.js';

const payload = Buffer.from('{}');
const plenty = { take: () => true, give: () => undefined };
const identityOf = (name: number, value = 0) => toIdentity(idText('/s', String(name)), Buffer.from(String(value)));

describe('an identity', () => {
  test('in a record is the one that its event was published with', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(text, text, text, fc.nat(9_999), (id, source, type, index) => {
        const headers = writeHeaders({ payload, id, source, type }, 1, id === '' ? `${index} key` : undefined);
        // Lone surrogates do not outlive UTF-8, as in any protocol.
        const sent = (given: string) => Buffer.from(given).toString();
        const expected = id === '' ? callText(`${index} key`) : idText(sent(source), sent(id));
        expect(recordText(headers)).toBe(expected);
      }),
    );
  });

  test('is no other, wherever the line between source and id is', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (source, id, source2, id2) => {
        fc.pre(source !== source2 || id !== id2);
        expect(idText(source, id)).not.toBe(idText(source2, id2));
      }),
    );
    expect(idText('', '1 k')).not.toBe(callText('1 k'));
  });
});

describe('an index', () => {
  /** What happens: so many new identities, one that was used before, time that passes. */
  const steps = fc.array(
    fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 1_500 }) }),
      fc.record({ again: fc.nat(5_000) }),
      fc.record({ pass: fc.nat(40) }),
    ),
    { maxLength: 30 },
  );

  test('knows what was added within the window, and nothing else', () => {
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 10, max: 3_000 }),
        (all, windowMs, entries) => {
          const index = createIdentityIndex(plenty, () => entries);
          const model: { name: number; offset: number; time: number }[] = [];
          let names = 0;
          let now = 0;
          let next = 0;
          const lives = ({ offset, time }: { offset: number; time: number }) =>
            time >= now - windowMs && offset >= next - entries;
          const forget = () => index.forget(now - windowMs, next - entries);
          const add = (name: number) => {
            const offset = next++;
            forget();
            const before = model.findLast((each) => each.name === name);
            const found = index.find(identityOf(name));
            expect(found).toEqual(
              before && lives(before) ? { offset: before.offset, timestamp: before.time, same: true } : undefined,
            );
            if (found) return;
            index.add(identityOf(name, 0), offset, now);
            model.push({ name, offset, time: now });
          };
          for (const step of all) {
            if ('add' in step) for (let i = 0; i < step.add; i++) add(names++);
            else if ('again' in step) add(step.again % Math.max(1, names));
            else now += step.pass;
          }
          forget();
          for (const each of model.slice(-50)) {
            const found = index.find(identityOf(each.name, 1));
            if (lives(each)) expect(found).toEqual({ offset: each.offset, timestamp: each.time, same: false });
          }
          const early = model.filter((each) => each.time >= now - windowMs && each.offset < next - entries);
          if (early.length > 0) expect(index.cutAt).toBeGreaterThanOrEqual(early.at(-1)?.time ?? 0);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('lets the oldest go where there is no memory, gives back what it took, and says since when it knows', () => {
    let used = 0;
    const most = 4_096 * entryBytes;
    const memory = {
      take: (bytes: number, anyway: boolean) => {
        if (used + bytes > most && !anyway) return false;
        used += bytes;
        return true;
      },
      give(bytes: number) {
        used -= bytes;
      },
    };
    const index = createIdentityIndex(memory, () => 1_000_000);
    let highest = 0;
    for (let i = 0; i < 50_000; i++) {
      index.add(identityOf(i), i, i);
      highest = Math.max(highest, used);
    }
    expect(highest).toBe(most);
    expect(index.find(identityOf(49_999))).toMatchObject({ offset: 49_999 });
    expect(index.cutAt).toBeGreaterThan(45_000);
    expect(index.find(identityOf(index.cutAt))).toBeUndefined();
    expect(index.find(identityOf(index.cutAt + 1))).toMatchObject({ offset: index.cutAt + 1 });
    index.forget(50_001, 0);
    expect(used).toBe(0);
  });
});

test('publishers at two instances, one after the other, are answered as by one that remembers everything in the window', async () => {
  const windowMs = 60_000;
  const step = fc.record({
    instance: fc.nat(1),
    id: fc.nat(6),
    value: fc.nat(1),
    key: fc.option(fc.nat(2), { nil: undefined }),
    passMs: fc.oneof(fc.constant(0), fc.nat(200), fc.nat(40_000)),
    restart: fc.integer({ min: 0, max: 9 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
      let now = 1_000_000;
      const clock: Clock = { ...systemClock, now: () => now, wallTime: () => now, sleep: async () => undefined };
      const world = createMemoryWorld({ clock });
      const settings = { ...defaultSettings, partitions: 3, schemaless: true, dedupeWindowMs: windowMs };
      world.topics.create('t', settings);
      const link: Link = { call: async (act) => act(), notify: (deliver) => deliver() };
      const topic: ActiveTopic = {
        name: 't',
        incarnation: 'one',
        logId: undefined,
        settings: { ...settings, replicationFactor: 1, minInsyncReplicas: 1 },
        maxBatchBytes: 1_000_000,
        compacted: false,
        publisherTime: false,
        schemaVersions: [],
        schema: () => undefined,
      };
      const topics: Topics = {
        require: async () => topic,
        refresh: async () => topic,
        confirm: async () => undefined,
        peek: () => topic,
        watch: () => () => undefined,
        all: () => [topic],
        watchAll: () => () => undefined,
      };
      const open = () =>
        createPublisher({
          log: world.openLog({ link, clock }),
          topics,
          authorizer: allowAll,
          limits: defaultPublishLimits,
          clock,
        });
      const instances = [open(), open()];
      /** By partition and id: what was stored last. */
      const model = new Map<string, { offset: number; timestamp: number; value: number }>();
      for (const { instance, id, value, key, passMs, restart } of steps) {
        now += passMs;
        if (restart === 0) instances[instance] = open();
        const event: EventInput = {
          payload: Buffer.from(String(value)),
          id: String(id),
          key: key === undefined ? undefined : Buffer.from(`k${key}`),
        };
        const results = await instances[instance]?.publish(
          { topic: 't', events: [event], mode: 'independent' },
          new AbortController().signal,
        );
        const result = results?.[0];
        if (!result) throw new Error('there is no result');
        const partition = partitionOf(event.key ?? identityOfEvent('', String(id)), 3);
        const before = model.get(`${partition} ${id}`);
        if (before && before.timestamp >= now - windowMs) {
          const { offset, timestamp } = before;
          if (before.value === value) expect(result).toMatchObject({ partition, offset, timestamp, duplicate: true });
          else expect(result).toMatchObject({ status: 'rejected', error: { reason: 'EVENT_ID_REUSED' } });
        } else {
          expect(result).toMatchObject({ status: 'stored', partition });
          expect(result).not.toHaveProperty('duplicate');
          if (result.status === 'stored') model.set(`${partition} ${id}`, { ...result, value });
        }
      }
    }),
    {
      numRuns: 60,
      // An identity that is over at the moment in which its next event is read back.
      examples: [
        [
          [
            { instance: 0, id: 1, value: 0, key: 0, passMs: 0, restart: 1 },
            { instance: 0, id: 0, value: 0, key: undefined, passMs: 23_296, restart: 1 },
            { instance: 1, id: 1, value: 0, key: 0, passMs: 36_705, restart: 1 },
            { instance: 0, id: 1, value: 0, key: 0, passMs: 0, restart: 1 },
          ],
        ],
      ],
    },
  );
});
