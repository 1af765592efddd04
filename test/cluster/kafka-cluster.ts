import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ensureJars, kafkaJars } from './jars.js';
import { startJvm } from './jvm.js';
import { type KafkaAdmin, openKafkaAdmin } from './kafka-admin.js';
import { commonSettings, formatStorage, kafkaMain, readyToProduce, writeProperties } from './kafka-server.js';
import { liveBrokers } from './live-brokers.js';
import { type Place, type Server, startServer, startServers } from './server.js';

/** One broker of a cluster. `start` and `restart` resolve when the controller lets clients use it. */
export interface KafkaBroker extends Server {
  /** Kafka's node id. */
  readonly id: number;
  /** The address that clients are told: `address`, unless the cluster was started with `advertise`. */
  readonly advertised: string;
}

/** Several brokers, and a controller of its own, so that metadata can change while two of three brokers are away. */
export interface KafkaCluster extends KafkaAdmin {
  /** Advertised addresses, of those that were added later, too. */
  readonly brokers: string[];
  readonly servers: readonly KafkaBroker[];
  readonly controller: Server;
  /** The broker that leads a partition now. */
  leaderOf(topic: string, partition: number): Promise<KafkaBroker>;
  /** Starts one more broker. It has no partition until one is reassigned to it, or a topic is created. */
  addBroker(): Promise<KafkaBroker>;
  dispose(): Promise<void>;
}

export interface KafkaClusterOptions {
  /** Default 3.9.1. */
  readonly version?: string | undefined;
  /** Default 3. */
  readonly brokers?: number | undefined;
  /** Further lines for each broker's `server.properties`; they win. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** The address that clients are told of a broker, given its own: that of a proxy in front of it, say. Brokers talk to each other directly. */
  readonly advertise?: ((address: string) => Promise<string>) | undefined;
}

const controllerId = 100;

/**
 * Starts a cluster of brokers with three replicas by default and `min.insync.replicas` 2 (fewer with fewer brokers). Measured:
 * 220 MB for each broker and 160 MB for the controller; each takes 4 s of a core to start, so that three brokers are ready after some
 * 10 s on two cores.
 */
export async function startKafkaCluster(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
  const count = options.brokers ?? 3;
  const replicas = Math.min(3, count);
  const jars = await ensureJars(kafkaJars(options.version ?? '3.9.1'));
  // The controller applies the default number of replicas, the brokers apply `min.insync.replicas`.
  const replication = {
    'default.replication.factor': `${replicas}`,
    'min.insync.replicas': `${Math.max(1, replicas - 1)}`,
  };
  const { controller, folder: controllerFolder } = await startController(jars, replication);
  const servers: KafkaBroker[] = [];

  async function start(more: number): Promise<KafkaBroker[]> {
    const first = servers.length + 1;
    const advertised: string[] = [];
    const started = await startServers(
      {
        name: 'kafka',
        ports: 2,
        async prepare(places) {
          for (const [index, place] of places.entries()) {
            advertised[index] = (await options.advertise?.(place.address)) ?? place.address;
            await writeProperties(place.folder, {
              ...commonSettings(place.folder),
              ...brokerSettings(place, first + index, advertised[index]),
              'controller.quorum.voters': `${controllerId}@${controller.address}`,
              ...replication,
              ...options.properties,
            });
            await copyStorage(controllerFolder, place.folder, first + index);
          }
        },
        launch: ({ folder }) => startJvm({ jars, main: kafkaMain, args: ['server.properties'], heap: '256m', folder }),
        async ready({ address }, index) {
          const id = first + index;
          if (!(await liveBrokers(address)).includes(id)) throw new Error(`broker ${id} is still fenced`);
        },
      },
      more,
    );
    return started.map((server, index) => ({ ...server, id: first + index, advertised: advertised[index] ?? '' }));
  }

  const dispose = async () => {
    await Promise.all([...servers, controller].map((server) => server.dispose()));
  };
  try {
    servers.push(...(await start(count)));
    const direct = servers.map(({ address }) => address);
    for (let attempt = 1; ; attempt++) {
      const ready = await readyToProduce(direct, replicas).then(
        () => true,
        (error: unknown) => {
          if (attempt === 60) throw error;
        },
      );
      if (ready) break;
    }
  } catch (error) {
    await dispose();
    throw error;
  }

  const admin = openKafkaAdmin(() => servers.map(({ address }) => address));
  return {
    ...admin,
    controller,
    servers,
    get brokers() {
      return servers.map(({ advertised }) => advertised);
    },
    async leaderOf(topic, partition) {
      const { leader } = await admin.describe(topic, partition);
      const server = servers.find(({ id }) => id === leader);
      if (server === undefined) throw new Error(`partition ${partition} of ${topic} has no leader`);
      return server;
    },
    async addBroker() {
      const [added] = await start(1);
      if (added === undefined) throw new Error('no broker was added');
      servers.push(added);
      return added;
    },
    dispose,
  };
}

async function startController(
  jars: string,
  more: Readonly<Record<string, string>>,
): Promise<{ controller: Server; folder: string }> {
  let folder = '';
  const controller = await startServer({
    name: 'kafka-controller',
    ports: 1,
    async prepare([place]) {
      if (place === undefined) throw new Error('there is no place for a controller');
      folder = place.folder;
      await writeProperties(folder, {
        ...commonSettings(folder),
        'process.roles': 'controller',
        'node.id': `${controllerId}`,
        'controller.quorum.voters': `${controllerId}@${place.address}`,
        'controller.listener.names': 'CONTROLLER',
        listeners: `CONTROLLER://${place.address}`,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT',
        ...more,
      });
      await formatStorage(jars, folder);
    },
    launch: (place) =>
      startJvm({ jars, main: kafkaMain, args: ['server.properties'], heap: '128m', folder: place.folder }),
    ready: ({ address }) => accepts(address),
  });
  return { controller, folder };
}

function brokerSettings({ ports, address }: Place, id: number, advertised: string): Record<string, string> {
  const replication = `127.0.0.1:${ports[1]}`;
  return {
    'process.roles': 'broker',
    'node.id': `${id}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://${address},REPLICATION://${replication}`,
    'advertised.listeners': `PLAINTEXT://${advertised},REPLICATION://${replication}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,REPLICATION:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'REPLICATION',
    // Leaders move when a test says so.
    'auto.leader.rebalance.enable': 'false',
    // As many as it takes to hand over every partition before it stops.
    'controlled.shutdown.max.retries': '3',
  };
}

/** A broker's data directory, made out of the controller's: saves a JVM, which takes a second, per broker. */
async function copyStorage(from: string, to: string, id: number): Promise<void> {
  await mkdir(join(to, 'data'));
  const facts = await readFile(join(from, 'data/meta.properties'), 'utf8');
  const own = facts
    .replace(/^node\.id=.*$/m, `node.id=${id}`)
    .replace(/^directory\.id=.*$/m, `directory.id=${randomBytes(16).toString('base64url').replace(/^-/, 'A')}`);
  await writeFile(join(to, 'data/meta.properties'), own);
  await copyFile(join(from, 'data/bootstrap.checkpoint'), join(to, 'data/bootstrap.checkpoint'));
}

function accepts(address: string): Promise<void> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host ?? '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}
