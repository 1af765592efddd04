import { Buffer } from 'node:buffer';
import { readJson } from '../../src/core/offsets/records.js';
import type { Path } from '../../src/core/ports/coordination.js';
import { createMemoryWorld, type MemoryWorld, type Written } from '../../src/drivers/memory/index.js';
import { createRandom, type Random } from '../support/random.js';
import { type Bus, type Mutation, startBus } from './bus.js';
import { type Datamart, type DatamartPorts, startDatamart } from './datamart.js';
import { createHistory, type History } from './history.js';
import { createClock, createHost, type Host } from './host.js';
import { createNetwork, type Network } from './network.js';
import type { Plan, SubscriberPlan } from './plan.js';
import { createScheduler, type Scheduler } from './scheduler.js';

/** Everything that a simulation consists of, and what can be done to it. */
export interface Fleet {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly network: Network;
  readonly history: History;
  readonly world: MemoryWorld;
  readonly plan: Plan;
  readonly buses: Bus[];
  readonly datamarts: Datamart[];
  /** The names of the topics that there are. */
  readonly topics: string[];
  /** The process of all that is neither an instance nor a datamart. */
  readonly operator: Host;
  startBus(): void;
  startDatamart(subscriber: SubscriberPlan): void;
  note(what: string): void;
  nextEvent(): number;
  /** What was asked of the bus and is not answered yet. */
  readonly underWay: Set<object>;
  readonly open: DatamartPorts['open'];
}

export function createFleet(seed: number, plan: Plan, mutation: Mutation): Fleet {
  const scheduler = createScheduler();
  const random = createRandom(seed);
  const history = createHistory(scheduler.now);
  const network = createNetwork(scheduler, random, plan.latencies);
  const world = createMemoryWorld({
    clock: createClock(scheduler, random),
    written: (write) => observe(history, write),
  });
  const buses: Bus[] = [];
  const datamarts: Datamart[] = [];
  let started = 0;
  let streams = 0;
  let commits = 0;
  let events = 0;
  const host = (name: string) => createHost(name, scheduler, random);
  const ports: DatamartPorts = {
    scheduler,
    network,
    history,
    random,
    buses: () => buses,
    nextStream: () => ++streams,
    nextCommit: () => ++commits,
    open: new Map(),
  };
  return {
    scheduler,
    random,
    network,
    history,
    world,
    plan,
    buses,
    datamarts,
    topics: [],
    operator: host('operator'),
    startBus: () => void buses.push(startBus(world, network, host(`bus ${++started}`), mutation)),
    startDatamart({ name, command }) {
      const client = host(`client ${++started}`);
      datamarts.push(startDatamart(ports, client, { ...command, subscriber: name }, plan.habits));
    },
    nextEvent: () => ++events,
    underWay: new Set(),
    open: ports.open,
    note: (what) => history.add({ kind: 'note', what }),
  };
}

/** Writes down what becomes of the records that matter here. */
function observe(history: History, { path, value }: Written): void {
  const [root, subscriber = '', kind, ...rest] = path;
  if (root !== 'subscribers') return;
  if (kind === 'streams' && rest.length === 1) {
    const streamId = rest[0]?.split('.').at(-1) ?? '';
    history.add({ kind: 'place', subscriber, streamId, there: value !== undefined });
  }
  if (kind === 'offsets' && rest.length === 2) history.add(offsetRecord(subscriber, rest, value));
}

function offsetRecord(subscriber: string, [topic = '', partition]: Path, value: Uint8Array | undefined) {
  const record = value && readJson(Buffer.from(value));
  return {
    kind: 'record',
    subscriber,
    topic,
    partition: Number(partition),
    next: record && Number(record.next),
    incarnation: String(record?.incarnation ?? ''),
    generation: Number(record?.generation ?? 0),
    earlier: Array.isArray(record?.earlier) ? record.earlier.map(Number) : [],
    owner: typeof record?.owner === 'string' ? record.owner : undefined,
  } as const;
}
