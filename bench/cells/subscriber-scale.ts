import { askZooKeeper } from '../../test/cluster/zookeeper-server.js';
import { until } from '../../test/support/wait.js';
import type { Row, RowName } from '../row.js';
import type { Stage } from '../stage.js';
import { spread } from '../stats.js';
import type { Cell } from './cell.js';

const subscribers = 1000;
const partitions = 12;
/** How many connect at once. */
const together = 50;
const sharing = 100;
/** How often each partition gets an event, and so each subscriber twelve positions to commit. */
const everyMs = 250;

export const subscriberScale: Cell = {
  name: 'subscriber-scale',
  describes: 'What 1,000 subscribers that commit cost ZooKeeper; how soon 100 streams of one subscriber share anew',
  pairs: ['cluster'],
  run: async (stage, { sliceMs, rounds }) => [
    ...(await commits(stage, Math.max(5_000, sliceMs * rounds))),
    ...(await rebalance(stage, Math.min(rounds, 3))),
  ],
};

async function commits(stage: Stage, ms: number): Promise<Row[]> {
  const { cluster, sharedLog: place } = stage;
  if (!cluster || !place) return [];
  const server = await stage.startMainstem();
  const topic = stage.topicName('commits');
  await stage.createTopic(server, topic, { partitions });
  const names = Array.from({ length: subscribers }, (_, i) => `mart-${i}`);
  // New ones have their records created first, which is not what is asked here.
  for (let i = 0; i < subscribers; i += together) {
    await stage.load.ask('openDurable', { port: server.port, topic, subscribers: names.slice(i, i + together) });
    await stage.load.ask('settled', { each: partitions });
  }
  const feed = { place, topic, partitions, everyMs };
  const looked = names.filter((_, i) => i % (subscribers / 20) === 0);
  // The first commit of each position reads its record, and is not counted.
  await stage.load.ask('feedDurable', { ...feed, ms: 1_000 });
  for (const name of looked) await caughtUp(server.port, name);
  const [before, cpu] = [await requests(cluster.zookeeper.address), await server.child.cpuMicros()];
  const { events, seconds } = await stage.load.ask('feedDurable', { ...feed, ms });
  const perSecond = ((await requests(cluster.zookeeper.address)) - before) / seconds;
  const ours = ((await server.child.cpuMicros()) - cpu) / events / subscribers;
  for (const name of looked) await caughtUp(server.port, name);
  await stage.load.ask('closeDurable');
  await server.child.kill();
  return [
    {
      ...named(stage, `${subscribers} subscribers × ${partitions} partitions`),
      measure: 'requests/s to ZooKeeper',
      better: 'lower',
      reach: 300,
      value: spread([perSecond]),
      ours: spread([ours]),
      unit: 'CPU µs/delivery, committed',
      verified: 'each stream got each event; 20 subscribers looked at have committed all',
      note: `${Math.round((events * subscribers) / seconds)} positions/s to commit`,
    },
  ];
}

/** Waits until a subscriber has committed all that there is. */
async function caughtUp(port: number, subscriber: string): Promise<void> {
  const isCaughtUp = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/subscribers/${subscriber}`);
    // What the route answers; its document says so.
    const { positions } = (await response.json()) as { positions: { lag?: number }[] };
    return positions.length === partitions && positions.every(({ lag }) => lag === 0);
  };
  await until(isCaughtUp, { what: `${subscriber} to have committed all`, everyMs: 50 });
}

async function rebalance(stage: Stage, rounds: number): Promise<Row[]> {
  const server = await stage.startMainstem();
  const joins: number[] = [];
  const leaves: number[] = [];
  const topic = stage.topicName('shares');
  await stage.createTopic(server, topic, { partitions: sharing });
  for (let round = 0; round < rounds; round++) {
    const subscriber = `fleet-${round}`;
    const half = Array.from({ length: sharing / 2 }, () => subscriber);
    await stage.load.ask('openDurable', { port: server.port, topic, subscribers: half });
    await stage.load.ask('settled', { each: 2 });
    await stage.load.ask('openDurable', { port: server.port, topic, subscribers: half });
    joins.push((await stage.load.ask('settled', { each: 1 })).seconds);
    await stage.load.ask('leave', { from: sharing / 2 });
    leaves.push((await stage.load.ask('settled', { each: 2 })).seconds);
    await stage.load.ask('closeDurable');
  }
  await server.child.kill();
  const row = (variant: string, seconds: readonly number[]): Row => ({
    ...named(stage, variant),
    measure: 'seconds until each has its share',
    better: 'lower',
    reach: 2,
    value: spread(seconds),
    verified: 'every stream was told the share that it must have',
  });
  return [row('50 streams join 50', joins), row('50 streams of 100 leave', leaves)];
}

const named = ({ pair }: Stage, variant: string): RowName => ({ cell: 'subscriber-scale', variant, pair });

/** How many requests a ZooKeeper has had, by its own count. */
async function requests(address: string): Promise<number> {
  const text = await askZooKeeper(address, 'mntr');
  const [, count] = /^zk_packets_received\t(\d+)/m.exec(text) ?? [];
  if (count === undefined) throw new Error(`ZooKeeper does not tell its packets: ${text}`);
  return Number(count);
}
