import { until } from '../support/wait.js';
import type { Bus } from './bus.js';
import { ensembleNemeses } from './ensemble-nemeses.js';
import { last, type Nemesis, type Target } from './nemesis.js';

const both = ['embedded', 'cluster'] as const;
const cluster = ['cluster'] as const;

/** One instance, or at times all of them. */
function someBuses({ stand, random }: Target): readonly Bus[] {
  const [first, ...others] = random.shuffle(stand.buses);
  return first && random.next() < 0.7 ? [first] : first ? [first, ...others] : [];
}

function server(kind: 'kafka' | 'zookeeper', what: 'kill' | 'pause'): Nemesis {
  return {
    name: `${what}-${kind === 'kafka' ? 'broker' : 'zookeeper'}`,
    pairs: cluster,
    async run(target) {
      const it = target.stand.needCluster()[kind];
      if (what === 'kill') await it.kill();
      else await it.pause();
      await last(target, what === 'kill' ? 1_500 : 5_000, 1_000, 20_000);
      target.healing();
      if (what === 'kill') await it.start();
      else it.resume();
    },
  };
}

function link(kind: 'kafka' | 'zookeeper', what: 'latency' | 'cut' | 'reset'): Nemesis {
  return {
    name: `${kind}-${what}`,
    pairs: cluster,
    async run(target) {
      const { random } = target;
      const links = target.stand.needCluster().links[kind];
      // Each instance has a link of its own to ZooKeeper: one of them may go on.
      const [first, ...rest] = random.shuffle(links);
      const chosen = first && random.next() < 0.5 ? [first] : links;
      const swallows = random.next() < 0.5;
      for (const each of chosen) {
        if (what === 'latency') await each.delay(random.between(100, 400), 100);
        else if (what === 'reset') await each.reset(random.between(0, 500));
        else if (swallows) await each.swallow();
        else await each.refuse();
      }
      if (what === 'cut') await last(target, 8_000, 20_000, 60_000);
      else await last(target, 4_000, 5_000, 30_000);
      target.healing();
      for (const each of [...chosen, ...rest]) await each.heal();
    },
  };
}

export const nemeses: readonly Nemesis[] = [
  {
    name: 'kill-bus',
    pairs: both,
    async run(target) {
      const buses = someBuses(target);
      await Promise.all(buses.map((bus) => bus.kill()));
      await last(target, 200, 0, 10_000);
      target.healing();
      await Promise.all(buses.map((bus) => bus.start()));
    },
  },
  {
    name: 'pause-bus',
    pairs: both,
    async run(target) {
      const buses = someBuses(target);
      for (const bus of buses) bus.pause();
      // Longer than a ZooKeeper session: a subscriber's partitions change hands meanwhile.
      await last(target, 7_000, 1_000, 20_000);
      target.healing();
      for (const bus of buses) bus.resume();
    },
  },
  {
    name: 'term-bus',
    pairs: both,
    async run(target) {
      for (const bus of target.random.shuffle(target.stand.buses)) {
        await bus.terminate();
        target.healing();
        await bus.start();
      }
    },
  },
  server('kafka', 'kill'),
  server('kafka', 'pause'),
  server('zookeeper', 'kill'),
  server('zookeeper', 'pause'),
  link('kafka', 'latency'),
  link('kafka', 'cut'),
  link('kafka', 'reset'),
  link('zookeeper', 'latency'),
  link('zookeeper', 'cut'),
  link('zookeeper', 'reset'),
  {
    name: 'retention',
    pairs: both,
    retention: true,
    async run(target) {
      const { stand, topic } = target;
      const release = target.hold();
      try {
        await last(target, 1_000, 1_000, 10_000);
        await stand.removeOldEvents(topic);
      } finally {
        target.healing();
        release();
      }
    },
  },
  {
    name: 'recreate',
    pairs: both,
    async run(target) {
      const { stand, topic, random } = target;
      const release = random.next() < 0.5 ? target.hold() : () => undefined;
      const client = stand.client();
      target.deleting();
      // What fails half-way is finished by the next call.
      await until(() => client.topics.delete(topic, { force: true }).then(() => true), {
        what: `${topic} to be deleted`,
        everyMs: 100,
      });
      await last(target, 300, 0, 5_000);
      target.healing();
      await target.recreate();
      release();
    },
  },
  ...ensembleNemeses,
];
