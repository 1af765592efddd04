import { allowAll } from '../../src/core/ports/authorizer.js';
import type { Clock } from '../../src/core/ports/clock.js';
import type { Coordination } from '../../src/core/ports/coordination.js';
import type { EventLog } from '../../src/core/ports/event-log.js';
import type { SchemaCompiler } from '../../src/core/ports/schema-compiler.js';
import { defaultPublishLimits } from '../../src/core/publish/command.js';
import { createPublisher, type Publisher } from '../../src/core/publish/publisher.js';
import { createSubscriptions, type SubscriptionService } from '../../src/core/subscribe/subscriptions.js';
import { createTopics, type TopicsService } from '../../src/core/topics/index.js';
import type { MemoryCoordination, MemoryWorld } from '../../src/drivers/memory/index.js';
import { inlineJudge } from '../support/inline-judge.js';
import type { Host } from './host.js';
import type { Cable, Network } from './network.js';
import type { Plan } from './plan.js';

/** An instance of the bus: the real core in a simulated process. */
export interface Bus {
  readonly host: Host;
  /** Set once the instance serves. */
  readonly core: Core | undefined;
  readonly toLog: Cable;
  readonly toCoordination: Cable;
  loseSession(): void;
  /** Ends in order: streams end, commits are written, the session is closed; then the process is gone. */
  stop(): Promise<void>;
}

export interface Core {
  readonly topics: TopicsService;
  readonly publisher: Publisher;
  readonly subscriptions: SubscriptionService;
}

/** What stands between the core and its ports, where a test breaks a promise on purpose. */
export interface Mutation {
  coordination?(coordination: MemoryCoordination, world: MemoryWorld, host: Host): Coordination;
  log?(log: EventLog, host: Host): EventLog;
  /** The same for the produce path alone. */
  publisherLog?(log: EventLog): EventLog;
  clock?(clock: Clock): Clock;
  /** Makes what it takes to see it more likely. */
  plan?(plan: Plan): Plan;
}

const noSchemas = (): never => {
  throw new Error('the simulation has no schemas');
};
const compiler: SchemaCompiler = { compile: noSchemas };

export function startBus(world: MemoryWorld, network: Network, host: Host, mutation: Mutation): Bus {
  const clock = mutation.clock?.(host.clock) ?? host.clock;
  const toLog = network.cable(host);
  const toCoordination = network.cable(host);
  const ownLog = world.openLog({ link: toLog, clock });
  const ownCoordination = world.openCoordination({ link: toCoordination, clock });
  const log = mutation.log?.(ownLog, host) ?? ownLog;
  const coordination = mutation.coordination?.(ownCoordination, world, host) ?? ownCoordination;
  const topics = createTopics({ log, coordination, compiler, judge: inlineJudge(compiler), clock });
  const ports = { log, coordination, topics, authorizer: allowAll, clock };
  const publisherLog = mutation.publisherLog?.(log) ?? log;
  const publisher = createPublisher({ ...ports, log: publisherLog, limits: defaultPublishLimits });
  const subscriptions = createSubscriptions(ports);
  let core: Core | undefined;

  async function start(): Promise<void> {
    for (;;) {
      try {
        await topics.start();
        core = { topics, publisher, subscriptions };
        return;
      } catch {
        await clock.sleep(500);
      }
    }
  }

  void start();
  return {
    host,
    toLog,
    toCoordination,
    get core() {
      return core;
    },
    loseSession: () => ownCoordination.loseSession(),
    async stop() {
      const grace = clock.sleep(5_000);
      await Promise.race([Promise.all([subscriptions.drain(), publisher.drain()]), grace]);
      await topics.close();
      await ownCoordination.close();
      await Promise.all([ownLog.close(), subscriptions.close()]);
      host.kill();
    },
  };
}
