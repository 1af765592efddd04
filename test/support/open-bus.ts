import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Drivers } from '../../src/app/drivers.js';
import { createExploration, type Exploration } from '../../src/core/explore/exploration.js';
import { allowAll } from '../../src/core/ports/authorizer.js';
import { defaultPublishLimits, type PublishLimits } from '../../src/core/publish/command.js';
import { createPublisher, type Publisher } from '../../src/core/publish/publisher.js';
import type { SchemaRegistry } from '../../src/core/schema-registry/commands.js';
import { createSchemaRegistry } from '../../src/core/schema-registry/index.js';
import { createSubscriptions, type SubscriptionService } from '../../src/core/subscribe/subscriptions.js';
import { createSubscribers, type SubscribersService } from '../../src/core/subscribers/index.js';
import { createTopics, type TopicsService } from '../../src/core/topics/index.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';
import { createCelCompiler } from '../../src/drivers/cel/compiler.js';
import { openEmbedded } from '../../src/drivers/embedded/index.js';
import { type FaultyCoordination, faultyCoordination } from './faulty-coordination.js';
import { type FaultyLog, faultyLog } from './faulty-log.js';
import { inlineJudge } from './inline-judge.js';

/** The core on real embedded drivers, without transports. */
export interface TestBus extends AsyncDisposable {
  readonly log: FaultyLog;
  readonly coordination: FaultyCoordination;
  readonly topics: TopicsService;
  readonly schemas: SchemaRegistry;
  readonly publisher: Publisher;
  readonly subscriptions: SubscriptionService;
  readonly subscribers: SubscribersService;
  readonly exploration: Exploration;
}

export async function openBus(limits: Partial<PublishLimits> = {}): Promise<TestBus> {
  const directory = await mkdtemp(join(tmpdir(), 'mainstem-bus-'));
  return openBusOn(await openEmbedded({ directory }), limits, () => rm(directory, { recursive: true }));
}

/** @param removed called when the drivers are closed */
export async function openBusOn(
  drivers: Pick<Drivers, 'log' | 'coordination' | 'close'>,
  limits: Partial<PublishLimits> = {},
  removed: () => Promise<void> = async () => undefined,
): Promise<TestBus> {
  const log = faultyLog(drivers.log);
  const coordination = faultyCoordination(drivers.coordination);
  const compiler = createSchemaCompiler();
  const judge = inlineJudge(compiler);
  const topics = createTopics({ log, coordination, compiler, judge });
  await topics.start();
  const schemas = createSchemaRegistry({ topics: topics.schemas, log, coordination, judge });
  const publisher = createPublisher({
    log,
    topics,
    authorizer: allowAll,
    limits: { ...defaultPublishLimits, ...limits },
  });
  const subscriptions = createSubscriptions({
    log,
    coordination,
    topics,
    authorizer: allowAll,
    filters: createCelCompiler(),
  });
  const subscribers = createSubscribers({
    log,
    coordination,
    topics,
    authorizer: allowAll,
    commit: subscriptions.commit,
  });
  return {
    log,
    coordination,
    topics,
    schemas,
    publisher,
    subscriptions,
    subscribers,
    exploration: createExploration({ log, topics, schemas, compiler, authorizer: allowAll }),
    async [Symbol.asyncDispose]() {
      subscribers.close();
      await subscriptions.close();
      await topics.close();
      await drivers.close();
      await removed();
    },
  };
}
