import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMainstemClient, type MainstemClient } from '../../src/client/index.js';
import { driverPairs } from '../support/pairs.js';
import { type Postgres, postgresPrograms, startPostgres } from '../support/postgres.js';
import { cleanEnvironment, startServer, type TestServer } from '../support/server.js';

const root = join(import.meta.dirname, '../..');
const partitions = 4;

describe.skipIf(postgresPrograms === undefined).each(await driverPairs())(
  'a datamart in PostgreSQL, on $name',
  ({ place }) => {
    let postgres: Postgres;
    beforeAll(async () => {
      postgres = await startPostgres();
    });
    afterAll(() => postgres[Symbol.asyncDispose]());

    /** A bus with a topic of numbered events, and a store without any. */
    async function stand(name: string) {
      const at = await place();
      const server: TestServer = await startServer({ args: at.args });
      onTestFinished(() => server.kill());
      const client: MainstemClient = createMainstemClient({ address: server.address });
      onTestFinished(() => client.close());
      const topic = at.topic(name);
      const create = () => client.topics.create({ topic, settings: { schemaless: true, partitions } });
      await create();
      await postgres.query('DROP TABLE IF EXISTS events, mainstem_positions');
      let published = 0;
      return {
        topic,
        client,
        create,
        async publish(count: number) {
          for (const end = published + count; published < end; ) {
            const events = Array.from({ length: Math.min(250, end - published) }, () => ({ data: { n: published++ } }));
            await client.publish({ topic, events });
          }
        },
        loader: () => startLoader(server.address, topic, postgres),
      };
    }

    const count = async (condition = 'true') => {
      const [{ exists } = {}] = await postgres.query(`SELECT to_regclass('events') IS NOT NULL AS exists`);
      if (exists !== true) return 0;
      const [{ rows } = {}] = await postgres.query(`SELECT count(*)::int AS rows FROM events WHERE ${condition}`);
      return Number(rows);
    };
    const until = async (rows: number, condition?: string) => {
      while ((await count(condition)) < rows) await sleep(20);
    };
    /** Each number once, in order within its partition, and no position that says more or less than the rows do. */
    async function checkRows(total: number): Promise<void> {
      const rows = await postgres.query(
        `SELECT (data->>'n')::int AS n FROM events ORDER BY incarnation, partition, "offset"`,
      );
      expect(rows).toHaveLength(total);
      expect(new Set(rows.map(({ n }) => n)).size).toBe(total);
      const wrong = await postgres.query(
        `SELECT p.partition, p.next_offset, max(e."offset") AS last FROM mainstem_positions p
         LEFT JOIN events e USING (topic, incarnation, partition)
        GROUP BY p.subscriber, p.topic, p.incarnation, p.partition
       HAVING p.next_offset <> coalesce(max(e."offset") + 1, 0)`,
      );
      expect(wrong).toEqual([]);
    }

    test('crashes at any moment: every event is there once', async () => {
      const bus = await stand('crashes');
      const loaders = [bus.loader(), bus.loader()];
      const publishing = bus.publish(6_000);
      for (let rows = 500; rows <= 3_500; rows += 1_000) {
        await until(rows);
        // Between two statements, before or after the store's commit, before the bus's commit: wherever it is.
        await loaders.shift()?.kill();
        loaders.push(bus.loader());
      }
      await publishing;
      await until(6_000);
      for (const loader of loaders) await loader.stop();
      await checkRows(6_000);
    });

    test('a store that is restored from a backup, or emptied, gets what it lacks, though all of it is committed', async () => {
      const bus = await stand('restored');
      await bus.publish(1_000);
      const first = bus.loader();
      await until(1_000);
      await first.stop();
      await postgres.query('CREATE TABLE kept AS SELECT * FROM events');
      await postgres.query('CREATE TABLE kept_positions AS SELECT * FROM mainstem_positions');
      await bus.publish(1_500);
      const second = bus.loader();
      await until(2_500);
      await second.stop();
      const lag = async () => (await bus.client.subscribers.get('mart')).subscriber?.lag;
      expect(await lag()).toBe(0n);
      await postgres.query(
        `BEGIN; TRUNCATE events, mainstem_positions; INSERT INTO events SELECT * FROM kept;
       INSERT INTO mainstem_positions SELECT * FROM kept_positions; DROP TABLE kept, kept_positions; COMMIT`,
      );
      const third = bus.loader();
      await until(2_500);
      await third.stop();
      await checkRows(2_500);
      // A reset of the store is a matter of the store.
      await postgres.query('TRUNCATE events, mainstem_positions');
      const fourth = bus.loader();
      await until(2_500);
      await fourth.stop();
      await checkRows(2_500);
      // A reset at the bus repeats nothing in a store that knows better.
      await bus.client.subscribers.reset({ subscriber: 'mart', to: 'earliest' });
      const fifth = bus.loader();
      await bus.publish(10);
      await until(2_510);
      await fifth.stop();
      await checkRows(2_510);
    });

    test('a topic that is deleted and created again begins anew, beside what there was', async () => {
      const bus = await stand('again');
      await bus.publish(800);
      const before = bus.loader();
      await until(800);
      await before.stop();
      await bus.client.topics.delete(bus.topic);
      await bus.create();
      await bus.publish(300);
      const after = bus.loader();
      await until(1_100);
      await after.stop();
      await checkRows(1_100);
      const lives = await postgres.query('SELECT count(*)::int AS rows FROM events GROUP BY incarnation ORDER BY rows');
      expect(lives).toEqual([{ rows: 300 }, { rows: 800 }]);
    });

    test('a former owner that was frozen stores nothing when it wakes up', async () => {
      const bus = await stand('frozen');
      // Each transaction takes its time, so that the first loader is in the middle of one.
      const frozen = bus.loader();
      await bus.publish(200);
      await until(200);
      const publishing = bus.publish(3_000);
      await until(400);
      frozen.signal('SIGSTOP');
      const other = bus.loader();
      await publishing;
      // The other one takes the partitions that are given to it, whether or not the frozen one agrees.
      const generations = async () =>
        (await postgres.query('SELECT DISTINCT generation FROM mainstem_positions')).length;
      while ((await generations()) < 2) await sleep(20);
      frozen.signal('SIGCONT');
      await until(3_200);
      expect(await frozen.stop()).toBe(0);
      expect(await other.stop()).toBe(0);
      await checkRows(3_200);
    });
  },
);

interface Loader {
  signal(name: NodeJS.Signals): void;
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** The example, as the README starts it. */
function startLoader(address: string, topic: string, postgres: Postgres): Loader {
  const child: ChildProcess = spawn(process.execPath, ['examples/postgres.mjs', topic, 'mart'], {
    cwd: root,
    env: { ...cleanEnvironment(), ...postgres.env, MAINSTEM_ADDRESS: address },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  const end = async (name: NodeJS.Signals) => {
    child.kill(name);
    await exited;
    return child.exitCode;
  };
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    signal: (name) => void child.kill(name),
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}
