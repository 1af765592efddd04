import { Buffer } from 'node:buffer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Delivery, Frame, SubscribeCommand } from '../../src/core/subscribe/frames.js';
import { openBus, type TestBus } from '../support/open-bus.js';
import { createRandom, type Random } from '../support/random.js';

const partitions = 3;
const perPartition = 300;

const stored = Array.from({ length: partitions }, (_, partition) =>
  Array.from({ length: perPartition }, (_, offset) => recordOf(partition, offset)),
);

let bus: TestBus;
beforeAll(async () => {
  bus = await openBus();
  const random = createRandom(1);
  await bus.topics.create({ name: 't', settings: { schemaless: true, partitions }, adopt: false });
  for (let partition = 0; partition < partitions; partition++) {
    for (let at = 0; at < perPartition; ) {
      const count = Math.min(random.between(1, 40), perPartition - at);
      await bus.log.append('t', partition, stored[partition]?.slice(at, at + count) ?? []);
      at += count;
    }
  }
});
afterAll(() => bus[Symbol.asyncDispose]());

/** Some 2 MiB per partition; a few are larger than what is read at once. */
function recordOf(partition: number, offset: number) {
  const size = offset % 97 === 50 ? 700_000 : (offset * 7919 + partition) % 12_000;
  const value = Buffer.from(JSON.stringify({ at: `${partition}/${offset}`, text: 'x'.repeat(size) }));
  return {
    key: offset % 2 ? Buffer.from(`k${offset}`) : null,
    value,
    headers: [['mainstem_schema', Buffer.from('0')] as const],
  };
}

function isRight({ partition, record: { offset, key, value } }: Delivery): boolean {
  const there = stored[partition]?.[offset];
  const same = (a: Uint8Array | null, b: Uint8Array | null | undefined) =>
    a && b ? Buffer.compare(a, b) === 0 : a === b;
  return same(key, there?.key) && same(value, there?.value);
}

/** A reader from the beginning, who pulls when it is told to; one who takes lent frames looks at each again right before the next pull. */
function openReader(takesLent: boolean, command: Partial<SubscribeCommand> = {}) {
  const call = new AbortController();
  const from = { topic: 't', from: { at: 'earliest' }, follow: false, ...command } as const;
  const frames = bus.subscriptions.subscribe(from, call.signal, takesLent);
  const seen = new Set<string>();
  let held: Delivery[] = [];
  let lentFrames = 0;
  const check = () => {
    for (const delivery of held)
      if (!isRight(delivery)) throw new Error(`${delivery.partition}/${delivery.record.offset} is not what was stored`);
  };
  return {
    seen,
    get lentFrames() {
      return lentFrames;
    },
    /** False at the end. */
    async step(): Promise<boolean> {
      if (takesLent) {
        check();
        held = [];
      }
      const next = frames.pull();
      if (next instanceof Promise) await next;
      else if (next.done === true) return false;
      else take(next.value);
      return true;
    },
    leave() {
      check();
      call.abort();
    },
  };

  function take(frame: Frame): void {
    if (frame.kind !== 'events') return;
    if (frame.lent) lentFrames++;
    for (const delivery of frame.deliveries) {
      seen.add(`${delivery.partition}/${delivery.record.offset}`);
      held.push(delivery);
    }
  }
}

type Reader = ReturnType<typeof openReader>;

async function drain(reader: Reader): Promise<void> {
  while (await reader.step());
  reader.leave();
}

test('a reader that is alone is lent its records, and gets all of them', async () => {
  const reader = openReader(true);
  await drain(reader);
  expect(reader.seen.size).toBe(partitions * perPartition);
  expect(reader.lentFrames).toBeGreaterThan(10);
});

test('nobody is lent what others may get, or what is selected', async () => {
  const readers = [openReader(true), openReader(false), openReader(true, { sample: 0.9 })];
  await Promise.all(readers.map((reader) => reader.step()));
  await Promise.all(readers.map(drain));
  const alone = openReader(false);
  await drain(alone);
  expect([...readers, alone].map(({ lentFrames }) => lentFrames)).toEqual([0, 0, 0, 0]);
});

test('limits and ends cut what is lent where they cut everything else', async () => {
  for (const command of [{ limit: 137 }, { limit: 1 }, { until: { at: 'time', timestamp: 0 } }] as const) {
    const [lent, kept] = [openReader(true, command), openReader(false, command)];
    await drain(lent);
    await drain(kept);
    expect(lent.seen.size).toBe(kept.seen.size);
  }
});

/** Readers of both kinds come, read a little and leave, in an order that the seed decides. */
async function mingle(random: Random): Promise<Reader[]> {
  const readers: Reader[] = [];
  const left: Reader[] = [];
  for (let turns = 0; turns < 400; turns++) {
    const [first = openReader(true)] = readers;
    if (readers.length === 0) readers.push(first);
    if (readers.length < 3 && random.next() < 0.03) readers.push(openReader(random.next() < 0.5));
    const reader = random.pick([first, ...readers]);
    if ((await reader.step()) && random.next() > 0.02) continue;
    reader.leave();
    readers.splice(readers.indexOf(reader), 1);
    left.push(reader);
  }
  for (const reader of readers) reader.leave();
  return [...left, ...readers];
}

test.each([1, 2, 3, 4, 5, 6])(
  'whoever comes and goes, everybody reads what was stored, and keeps it (seed %i)',
  async (seed) => {
    const readers = await mingle(createRandom(seed));
    // Those who were not lent anything have kept everything: nothing may have been written over it since.
    for (const reader of readers) reader.leave();
    expect(readers.some(({ lentFrames }) => lentFrames > 0)).toBe(true);
  },
);
