import { createMainstemClient, MainstemError } from '../../src/client/index.js';
import type { Server } from '../cluster/server.js';
import { askZooKeeper } from '../cluster/zookeeper-server.js';
import { until } from '../support/wait.js';
import type { Bus } from './bus.js';
import { last, type Nemesis, type Target } from './nemesis.js';
import type { Ensemble } from './stand-parts.js';

const lagMs = 1_500;
/** Longer than the controller waits for a broker (3 s), or an ensemble for its leader (4 s). */
const noticedMs = 6_000;

/** A fault of several servers. In a long round an instance is killed meanwhile, and started before the fault is undone. */
function ensemble(
  name: string,
  begin: (target: Target, servers: Ensemble) => Promise<(() => Promise<void>) | undefined>,
  more: Pick<Nemesis, 'slow'> = { slow: true },
): Nemesis {
  return {
    name,
    pairs: ['ensemble'],
    ...more,
    async run(target) {
      const { stand, length, random } = target;
      const servers = stand.needEnsemble();
      const [victim] = random.shuffle(stand.buses);
      if (length === 'long') await victim?.kill();
      const undo = await begin(target, servers);
      if (length === 'long') await Promise.all([undo && last(target, 0, 0, 5_000), victim?.start()]);
      target.healing();
      await undo?.();
      await servers.kafka.untilInSync(target.topic);
    },
  };
}

/** Ends or freezes servers for a while. */
function outage(
  name: string,
  what: 'kill' | 'pause',
  choose: (target: Target, servers: Ensemble) => Promise<readonly Server[]>,
  more?: Pick<Nemesis, 'slow'>,
): Nemesis {
  return ensemble(
    name,
    async (target, servers) => {
      const chosen = await choose(target, servers);
      await Promise.all(chosen.map((server) => server[what]()));
      await last(target, noticedMs, 1_000, 20_000);
      return async () => {
        for (const server of chosen) if (what === 'pause') server.resume();
        if (what === 'kill') await Promise.all(chosen.map((server) => server.start()));
      };
    },
    more,
  );
}

async function leader({ topic, random }: Target, { kafka }: Ensemble): Promise<readonly Server[]> {
  return [await kafka.leaderOf(topic, random.between(0, 3))];
}

const zooKeeperLeader = async (_: Target, { zookeeper }: Ensemble) => [await zookeeper.leader()];

export const ensembleNemeses: readonly Nemesis[] = [
  ensemble(
    'rolling-restart',
    async ({ topic, random }, { kafka, zookeeper }) => {
      for (const broker of random.shuffle(kafka.servers)) {
        await broker.restart();
        await kafka.untilInSync(topic);
      }
      for (const member of random.shuffle(zookeeper.members)) await member.restart();
      return undefined;
    },
    { slow: false },
  ),
  outage('kill-leader', 'kill', leader, { slow: false }),
  outage('freeze-leader', 'pause', leader),
  outage('kill-two-brokers', 'kill', async ({ random }, { kafka }) => random.shuffle(kafka.servers).slice(0, 2)),
  ensemble('preferred-election', async ({ topic, random }, { kafka }) => {
    const moved = await kafka.leaderOf(topic, random.between(0, 3));
    await moved.restart();
    await kafka.untilInSync(topic);
    await kafka.electPreferred();
    return undefined;
  }),
  ensemble('reassign', async ({ topic, random }, { kafka }) => {
    const ids = kafka.servers.map(({ id }) => id);
    // To two brokers, and then to three, so that each partition leaves a broker and data is copied back to it.
    for (const replicas of [2, 3]) {
      const plan = [0, 1, 2, 3].map((partition) => [partition, random.shuffle(ids).slice(0, replicas)] as const);
      await kafka.reassign(topic, new Map(plan));
      await kafka.electPreferred();
    }
    return undefined;
  }),
  ensemble('add-broker', async ({ topic, random }, { kafka }) => {
    // Of a broker that was added in a round before, too, this topic has nothing yet.
    const added = kafka.servers[3] ?? (await kafka.addBroker());
    const others = kafka.servers.map(({ id }) => id).filter((id) => id !== added.id);
    const plan = [0, 1, 2, 3].map(
      (partition) => [partition, [added.id, ...random.shuffle(others).slice(0, 2)]] as const,
    );
    await kafka.reassign(topic, new Map(plan));
    await kafka.electPreferred();
    return undefined;
  }),
  outage('kill-zookeeper-leader', 'kill', zooKeeperLeader),
  outage('freeze-zookeeper-leader', 'pause', zooKeeperLeader),
  outage('zookeeper-quorum-lost', 'kill', async ({ random }, { zookeeper }) =>
    random.shuffle(zookeeper.members).slice(0, 2),
  ),
  ensemble(
    'lagging-follower',
    async (target, { zookeeper }) => {
      const { member, behind, ahead } = await behindFollower(target.stand.buses, zookeeper);
      await zookeeper.lag(member, lagMs);
      await useNewTopic(ahead, behind, `new-${target.topic}`);
      await last(target, 3_000, 3_000, 20_000);
      return async () => zookeeper.catchUp();
    },
    { slow: false },
  ),
];

/** A follower that an instance is connected to; starts instances again until there is one. */
async function behindFollower(buses: readonly Bus[], zookeeper: Ensemble['zookeeper']) {
  const [ahead, behind] = buses;
  if (!ahead || !behind) throw new Error('two instances are needed');
  const find = async () => {
    for (const member of await zookeeper.followers()) {
      if (Number(/Connections: (\d+)/.exec(await askZooKeeper(member.address, 'srvr'))?.[1]) > 1) return member;
    }
    await behind.terminate();
    await behind.start();
    return undefined;
  };
  const member = await until(find, { what: 'an instance to be connected to a follower', timeoutMs: 120_000 });
  return { member, behind, ahead };
}

/** A topic that one instance has created is there at the other at once. Which of them lags is not known: each creates one. */
async function useNewTopic(one: Bus, other: Bus, topic: string): Promise<void> {
  for (const [creator, user, name] of [
    [one, other, `${topic}-1`],
    [other, one, `${topic}-2`],
  ] as const) {
    const creating = createMainstemClient({ address: creator.address });
    const using = createMainstemClient({ address: user.address });
    try {
      await until(() => creating.topics.create({ topic: name, settings: { schemaless: true } }), {
        what: `${name} to be created`,
      });
      // Retryable failures may come; a final one would be false.
      await until(
        () =>
          using
            .publish({ topic: name, events: [{ payload: new TextEncoder().encode('1') }] })
            .catch((error: unknown) => {
              if (error instanceof MainstemError && !error.retryable) return error;
              throw error;
            }),
        { what: `${name} to be published to`, everyMs: 200 },
      ).then((result) => {
        if (result instanceof MainstemError) throw result;
      });
      await until(() => creating.topics.delete(name).then(() => true), { what: `${name} to be deleted` });
    } finally {
      creating.close();
      using.close();
    }
  }
}
