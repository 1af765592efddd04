import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { allowAll } from '../../src/core/ports/authorizer.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { Coordination } from '../../src/core/ports/coordination.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { defaultPublishLimits } from '../../src/core/publish/command.js';
import { createPublisher, type Publisher } from '../../src/core/publish/publisher.js';
import { createSubscriptions, type SubscriptionService } from '../../src/core/subscribe/subscriptions.js';
import { createSubscribers, type SubscribersService } from '../../src/core/subscribers/index.js';
import { createTopics, type TopicsService } from '../../src/core/topics/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { openEmbeddedCoordination, openEmbeddedLog } from '../../src/drivers/embedded/index.js';
import { openZookeeper, type ZookeeperOptions } from '../../src/drivers/zookeeper/index.js';
import { openProxy } from '../contract/zookeeper-proxy.js';
import { type FaultyCoordination, faultyCoordination } from './faulty-coordination.js';
import { inlineJudge } from './inline-judge.js';
import { temporaryDirectory } from './temporary-directory.js';

/** One instance of the bus, without transports. */
export interface Instance {
  readonly name: string;
  readonly coordination: FaultyCoordination;
  readonly topics: TopicsService;
  readonly publisher: Publisher;
  readonly subscriptions: SubscriptionService;
  readonly subscribers: SubscribersService;
  /** Its session ends, as if it had been cut off for too long. Only where sessions can be lost. */
  loseSession: (() => Promise<void>) | undefined;
  /** From now on nothing comes through from or to coordination, and nobody is told. Only where there is a network. */
  cutOff: (() => void) | undefined;
  /** It dies: nothing is handed over, its ephemerals vanish. */
  kill(): Promise<void>;
}

/** Several instances on one log and one coordination. */
export interface Fleet extends AsyncDisposable {
  readonly log: EventLog;
  /** The first instance. */
  readonly first: Instance;
  /** @param clock by which the instance's streams wait; default: the machine's */
  open(clock?: Clock): Promise<Instance>;
  create(topic: string, partitions?: number): Promise<{ readonly incarnation: string }>;
  /** Publishes numbers, each as its own key. */
  publish(topic: string, values: readonly number[]): Promise<void>;
}

const never = new AbortController().signal;
setMaxListeners(0, never);

type Times = Pick<ZookeeperOptions, 'sessionTimeoutMs' | 'operationTimeoutMs'>;

interface Connections {
  connect(): Promise<{
    coordination: Coordination;
    loseSession?: () => Promise<void>;
    cutOff?: () => void;
    close?: () => Promise<void>;
  }>;
}

/**
 * @param servers of a ZooKeeper, one after the other for each instance; undefined: embedded coordination. The log is embedded either way.
 * @param times of ZooKeeper, other than usual.
 */
export async function openFleet(servers?: readonly string[], times: Times = {}): Promise<Fleet> {
  const directory = await temporaryDirectory();
  const log = await openEmbeddedLog({ directory: directory.path });
  const connections = servers ? zookeeper(servers, times) : embedded(directory.path);
  const instances: Instance[] = [];

  async function open(clock?: Clock): Promise<Instance> {
    const { coordination: real, loseSession, cutOff, close } = await connections.connect();
    const coordination = faultyCoordination(real);
    const compiler = createSchemaCompiler();
    const topics = createTopics({ log, coordination, compiler, judge: inlineJudge(compiler) });
    await topics.start();
    const name = `instance-${instances.length}`;
    const ports = { log, coordination, topics, authorizer: allowAll };
    const subscriptions = createSubscriptions({
      ...ports,
      instance: name,
      clock,
      parking: {
        park: (command, signal) => subscribers.park(command, signal),
        heldKeys: (name) => subscribers.heldKeys(name),
        hold: (command, signal) => subscribers.hold(command, signal),
      },
    });
    const subscribers: SubscribersService = createSubscribers({ ...ports, commit: subscriptions.commit });
    let killed: Promise<void> | undefined;
    const instance: Instance = {
      name,
      coordination,
      topics,
      publisher: createPublisher({ ...ports, limits: defaultPublishLimits }),
      subscriptions,
      subscribers,
      loseSession,
      cutOff,
      kill() {
        killed ??= (async () => {
          subscribers.close();
          await coordination.close();
          await subscriptions.close();
          await topics.close();
          await close?.();
        })();
        return killed;
      },
    };
    instances.push(instance);
    return instance;
  }

  const first = await open();
  return {
    log,
    first,
    open,
    create: (topic, partitions = 1) =>
      first.topics.create({ name: topic, settings: { schemaless: true, partitions }, adopt: false }),
    async publish(topic, values) {
      const events = values.map((value) => ({ payload: Buffer.from(`${value}`), key: Buffer.from(`${value}`) }));
      await first.publisher.publish({ topic, mode: 'all_or_nothing', events }, never);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(instances.map((instance) => instance.kill()));
      await log.close();
      await directory.remove();
    },
  };
}

function embedded(directory: string): Connections {
  return { connect: async () => ({ coordination: await openEmbeddedCoordination({ directory }) }) };
}

function zookeeper(servers: readonly string[], times: Times): Connections {
  const chroot = `/fleet-${randomUUID().slice(0, 8)}`;
  let connections = 0;
  return {
    async connect() {
      const link = await openProxy(servers[connections++ % servers.length] ?? '');
      const coordination = openZookeeper({ ...times, servers: link.address, chroot });
      await coordination.session();
      return { coordination, loseSession: link.endSession, cutOff: link.freeze, close: link.close };
    },
  };
}
