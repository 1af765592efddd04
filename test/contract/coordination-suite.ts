import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Coordination, Path } from '../../src/core/ports/coordination.js';
import { until } from '../support/until.js';
import { watchesMissNothing } from './coordination-property.js';

/**
 * What the suite needs of a driver. `open` gives a connection with a session of its own, always to one and the same backend; the suite closes
 * each. `expireSession` ends a connection's session from outside, where a driver has sessions that can be lost; the suite skips what needs it
 * otherwise. `close` ends the backend.
 */
export interface CoordinationHarness {
  open(): Promise<Coordination>;
  expireSession?(connection: Coordination): Promise<void>;
  close(): Promise<void>;
}

export interface CoordinationSuiteOptions {
  /** Whether the harness has `expireSession`. Default false. */
  readonly expires?: boolean;
  /** Runs of the property test; default 20. */
  readonly runs?: number;
  /** Per test, in milliseconds; default 30,000. */
  readonly timeout?: number;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

/** Tests the promises of the Coordination port. `start` is called once; each test works below a name of its own. */
export function describeCoordination(
  name: string,
  start: () => Promise<CoordinationHarness>,
  options: CoordinationSuiteOptions = {},
): void {
  describe(`coordination contract: ${name}`, { timeout: options.timeout ?? 30_000 }, () => {
    let harness: CoordinationHarness;
    let one: Coordination;
    let two: Coordination;
    const extra: Coordination[] = [];
    const stops: (() => void)[] = [];

    const below = (): ((...rest: string[]) => Path) => {
      const root = `contract-${randomUUID()}`;
      return (...rest) => [root, ...rest];
    };
    const openExtra = async (): Promise<Coordination> => {
      const connection = await harness.open();
      extra.push(connection);
      return connection;
    };
    const watch = (connection: Coordination, path: Path, what: 'value' | 'children', listener: () => void) => {
      const stop = connection.watch(path, what, listener);
      stops.push(stop);
      return stop;
    };
    const read = async (connection: Coordination, path: Path) => {
      const entry = await connection.get(path);
      return entry === undefined ? undefined : { value: text(entry.value), version: entry.version };
    };

    beforeAll(async () => {
      harness = await start();
      one = await harness.open();
      two = await harness.open();
    }, 120_000);
    afterEach(async () => {
      for (const stop of stops.splice(0)) stop();
      for (const connection of extra.splice(0)) await connection.close();
    });
    afterAll(async () => {
      await one?.close();
      await two?.close();
      await harness?.close();
    }, 60_000);

    describe('records', () => {
      test('are created with parents, written, read everywhere, deleted', async () => {
        const at = below();
        expect(await one.get(at('a', 'b'))).toBeUndefined();
        expect(await one.children(at('a'))).toEqual([]);
        await one.create(at('a', 'b'), bytes('1'));
        expect(await read(one, at('a', 'b'))).toEqual({ value: '1', version: 0 });
        expect(await read(one, at('a'))).toEqual({ value: '', version: 0 });
        await expect(one.create(at('a', 'b'), bytes('2'))).rejects.toMatchObject({ kind: 'exists' });
        expect(await one.set(at('a', 'b'), bytes('2'), 0)).toBe(1);
        expect(await one.set(at('a', 'b'), bytes('3'), 1)).toBe(2);
        expect(await read(one, at('a', 'b'))).toEqual({ value: '3', version: 2 });
        await one.delete(at('a', 'b'), 2);
        expect(await one.get(at('a', 'b'))).toBeUndefined();
        await one.create(at('a', 'b'), bytes(''));
        expect(await read(one, at('a', 'b'))).toEqual({ value: '', version: 0 });
        await one.delete(at('a', 'b'));
        expect(one.status.state).toBe('up');
      });

      test('refuse a stale or wrong version, also version 0', async () => {
        const at = below();
        await one.create(at('r'), bytes('a'));
        await one.set(at('r'), bytes('b'), 0);
        await expect(one.set(at('r'), bytes('c'), 0)).rejects.toMatchObject({ kind: 'conflict' });
        await expect(one.set(at('r'), bytes('c'), 7)).rejects.toMatchObject({ kind: 'conflict' });
        await expect(one.delete(at('r'), 0)).rejects.toMatchObject({ kind: 'conflict' });
        await expect(one.set(at('none'), bytes('c'), 0)).rejects.toMatchObject({ kind: 'missing' });
        await expect(one.delete(at('none'))).rejects.toMatchObject({ kind: 'missing' });
        await expect(one.delete(at('none'), 0)).rejects.toMatchObject({ kind: 'missing' });
        expect(await read(one, at('r'))).toEqual({ value: 'b', version: 1 });
      });

      test('of another connection are seen after a sync', async () => {
        const at = below();
        for (let round = 0; round < 10; round++) {
          await one.create(at(`r${round}`), bytes('1'));
          await Promise.all([two.sync(), two.sync()]);
          expect(await read(two, at(`r${round}`))).toEqual({ value: '1', version: 0 });
        }
        const closed = await openExtra();
        await closed.close();
        await expect(closed.sync()).rejects.toMatchObject({ kind: 'unavailable' });
      });

      test('with children are not deleted; children are listed by name', async () => {
        const at = below();
        await one.create(at('p', 'x'), bytes('1'));
        await one.create(at('p', 'y', 'deep'), bytes('2'));
        expect((await one.children(at('p'))).sort()).toEqual(['x', 'y']);
        expect(await one.children(at())).toEqual(['p']);
        await expect(one.delete(at('p'))).rejects.toMatchObject({ kind: 'not_empty' });
        await one.delete(at('p', 'x'));
        await one.delete(at('p', 'y', 'deep'));
        await one.delete(at('p', 'y'));
        await one.delete(at('p'));
        expect(await one.children(at('p'))).toEqual([]);
        expect(await one.children(at())).toEqual([]);
      });

      test('take any name, each apart from the others', async () => {
        const at = below();
        const names = [
          '..',
          '.',
          '/',
          'a/b',
          'a',
          '🙂',
          '%2f',
          '%2F',
          '%',
          ' ',
          'a b',
          '\u0001',
          'ä',
          'zookeeper',
          'x'.repeat(250),
          '🙂'.repeat(125),
        ];
        for (const name of names) await one.create(at(name, name), bytes(name));
        expect((await one.children(at())).sort()).toEqual([...names].sort());
        for (const name of names) {
          expect(await read(one, at(name, name))).toEqual({ value: name, version: 0 });
          expect(await one.children(at(name))).toEqual([name]);
        }
        await one.delete(at('a/b', 'a/b'));
        expect(await read(one, at('a'))).toEqual({ value: '', version: 0 });
      });

      test('hold 900 KiB and no more', async () => {
        const at = below();
        const largest = Buffer.alloc(900 * 1024, 5);
        const larger = Buffer.alloc(900 * 1024 + 1);
        await one.create(at('big'), largest);
        expect(Buffer.from((await one.get(at('big')))?.value ?? []).equals(largest)).toBe(true);
        await expect(one.create(at('bigger'), larger)).rejects.toMatchObject({ kind: 'too_large' });
        await expect(one.set(at('big'), larger, 0)).rejects.toMatchObject({ kind: 'too_large' });
        const [outcome] = await one.setMany([{ path: at('big'), value: larger, version: 0 }]);
        expect(outcome).toMatchObject({ error: { kind: 'too_large' } });
        expect(await one.get(at('bigger'))).toBeUndefined();
      });
    });

    describe('races', () => {
      test('of writers with one version have one winner', async () => {
        const at = below();
        await one.create(at('r'), bytes('start'));
        for (let round = 0; round < 10; round++) {
          const writers = Array.from({ length: 12 }, (_, i) =>
            (i % 2 === 0 ? one : two).set(at('r'), bytes(`${round}:${i}`), round),
          );
          const results = await Promise.allSettled(writers);
          const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []));
          expect(winners).toHaveLength(1);
          for (const result of results) {
            if (result.status === 'rejected') expect(result.reason).toMatchObject({ kind: 'conflict' });
          }
          expect(await read(one, at('r'))).toEqual({ value: `${round}:${winners[0]}`, version: round + 1 });
        }
      });

      test('of creators have one winner, and none of their parents is in the way', async () => {
        const at = below();
        const same = await Promise.allSettled(
          Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : two).create(at('p', 'q', 'same'), bytes(`${i}`))),
        );
        expect(same.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
        await Promise.all(
          Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : two).create(at('s', 't', `${i}`), bytes(`${i}`))),
        );
        expect(await one.children(at('s', 't'))).toHaveLength(10);
      });

      test('of counters lose no count', async () => {
        const at = below();
        await one.create(at('count'), bytes('0'));
        const increment = async (connection: Coordination) => {
          for (;;) {
            const entry = await connection.get(at('count'));
            if (entry === undefined) throw new Error('no counter');
            const next = bytes(`${Number(text(entry.value)) + 1}`);
            const written = await connection.set(at('count'), next, entry.version).catch((error: unknown) => error);
            if (typeof written === 'number') return;
            expect(written).toMatchObject({ kind: 'conflict' });
          }
        };
        const work = async (connection: Coordination) => {
          for (let i = 0; i < 15; i++) await increment(connection);
        };
        await Promise.all([work(one), work(two), work(one)]);
        expect(await read(one, at('count'))).toEqual({ value: '45', version: 45 });
      });
    });

    test('many writes at once are each for themselves', async () => {
      const at = below();
      const count = 300;
      await Promise.all(Array.from({ length: count }, (_, i) => one.create(at(`${i}`), bytes('old'))));
      await one.set(at('3'), bytes('newer'), 0);
      const outcomes = await one.setMany([
        ...Array.from({ length: count }, (_, i) => ({ path: at(`${i}`), value: bytes(`new ${i}`), version: 0 })),
        { path: at('none'), value: bytes('x'), version: 0 },
      ]);
      expect(outcomes).toHaveLength(count + 1);
      expect(outcomes[3]).toMatchObject({ error: { kind: 'conflict' } });
      expect(outcomes[count]).toMatchObject({ error: { kind: 'missing' } });
      expect(outcomes.filter((outcome) => 'version' in outcome && outcome.version === 1)).toHaveLength(count - 1);
      expect(await read(one, at('3'))).toEqual({ value: 'newer', version: 1 });
      expect(await read(one, at('4'))).toEqual({ value: 'new 4', version: 1 });
      const again = await one.setMany([
        { path: at('3'), value: bytes('stale'), version: 0 },
        { path: at('5'), value: bytes('third'), version: 1 },
      ]);
      expect(again).toMatchObject([{ error: { kind: 'conflict' } }, { version: 2 }]);
      expect(await one.setMany([])).toEqual([]);
    });

    describe('watches', () => {
      test('tell of creation, change and deletion, by whoever, until they are stopped', async () => {
        const at = below();
        const seen: string[] = [];
        const states = until();
        const look = async (kind: string, state: () => Promise<unknown>) => {
          seen.push(`${kind} ${JSON.stringify(await state())}`);
          states.changed();
        };
        let told = 0;
        const stop = watch(one, at('p', 'r'), 'value', () => {
          told++;
          void look('value', () => read(one, at('p', 'r')));
        });
        watch(one, at('p'), 'children', () => {
          void look('children', () => one.children(at('p')));
        });
        await two.create(at('p', 'r'), bytes('a'));
        await states.until(() => seen.includes('value {"value":"a","version":0}') && seen.includes('children ["r"]'));
        await two.set(at('p', 'r'), bytes('b'), 0);
        await states.until(() => seen.includes('value {"value":"b","version":1}'));
        seen.length = 0;
        await one.delete(at('p', 'r'));
        await states.until(() => seen.includes('value undefined') && seen.includes('children []'));
        stop();
        const before = told;
        seen.length = 0;
        await two.create(at('p', 'r'), bytes('c'));
        await states.until(() => seen.includes('children ["r"]'));
        // The calls, not what they looked for: a look of before may still be on its way.
        expect(told).toBe(before);
      });

      test('miss nothing: a read from the callback sees the last change', async () => {
        await watchesMissNothing([one, two], below, options.runs ?? 20);
      });
    });

    describe('sessions', () => {
      test('hold ephemerals that everybody sees, and that vanish when the session is closed', async () => {
        const at = below();
        const three = await openExtra();
        const session = await three.session();
        expect(await three.session()).toBe(session);
        expect(session.id).not.toBe((await one.session()).id);
        await session.createEphemeral(at('live', 'e'), bytes('me'));
        await three.create(at('live', 'durable'), bytes('stays'));
        await expect(session.createEphemeral(at('live', 'e'), bytes('again'))).rejects.toMatchObject({
          kind: 'exists',
        });
        await expect(one.create(at('live', 'e'), bytes('again'))).rejects.toMatchObject({ kind: 'exists' });
        await expect(one.delete(at('live'))).rejects.toMatchObject({ kind: 'not_empty' });
        expect(text((await one.get(at('live', 'e')))?.value)).toBe('me');
        expect((await one.children(at('live'))).sort()).toEqual(['durable', 'e']);
        expect(session.isLive()).toBe(true);
        expect(session.lost.aborted).toBe(false);

        const states = until();
        let children: string[] = [];
        watch(one, at('live'), 'children', () => {
          void one.children(at('live')).then((now) => {
            children = now;
            states.changed();
          });
        });
        let lostFirst: boolean | undefined;
        watch(one, at('live', 'e'), 'value', () => {
          lostFirst ??= session.lost.aborted && !session.isLive();
          states.changed();
        });
        await three.close();
        expect(session.lost.aborted).toBe(true);
        expect(session.isLive()).toBe(false);
        await expect(session.createEphemeral(at('live', 'f'), bytes(''))).rejects.toMatchObject({
          kind: 'session_lost',
        });
        await states.until(() => lostFirst !== undefined && children.join() === 'durable');
        expect(lostFirst).toBe(true);
        expect(await one.get(at('live', 'e'))).toBeUndefined();
        await expect(three.get(at('live'))).rejects.toMatchObject({ kind: 'unavailable' });
        await expect(three.create(at('x'), bytes(''))).rejects.toMatchObject({ kind: 'unavailable' });
      });

      test('free the name of a deleted ephemeral', async () => {
        const at = below();
        const session = await one.session();
        await session.createEphemeral(at('e'), bytes('1'));
        await two.delete(at('e'));
        expect(await one.get(at('e'))).toBeUndefined();
        await (await two.session()).createEphemeral(at('e'), bytes('2'));
        expect(await read(one, at('e'))).toEqual({ value: '2', version: 0 });
        await one.delete(at('e'));
      });

      test.runIf(options.expires)('that expire are announced, and followed by a new one', async () => {
        const at = below();
        const three = await openExtra();
        const session = await three.session();
        await session.createEphemeral(at('e'), bytes('1'));
        const states = until();
        let watched = 0;
        watch(three, at('e'), 'value', () => {
          watched += 1;
          states.changed();
        });
        session.lost.addEventListener('abort', () => states.changed());
        await harness.expireSession?.(three);
        await states.until(() => session.lost.aborted);
        expect(session.isLive()).toBe(false);
        await expect(session.createEphemeral(at('f'), bytes(''))).rejects.toMatchObject({ kind: 'session_lost' });
        const next = await three.session();
        expect(next.id).not.toBe(session.id);
        expect(next.isLive()).toBe(true);
        await states.until(() => watched > 0);
        expect(await three.get(at('e'))).toBeUndefined();
        await next.createEphemeral(at('e'), bytes('2'));
        expect(text((await one.get(at('e')))?.value)).toBe('2');
      });
    });
  });
}
