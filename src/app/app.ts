import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type Config, ConfigError } from '../config/index.js';
import { shortWindowText } from '../core/dedupe/windows.js';
import { BusError } from '../core/errors.js';
import { createExploration } from '../core/explore/exploration.js';
import { createFleet } from '../core/fleet/index.js';
import { allowAll } from '../core/ports/authorizer.js';
import type { DependencyStatus } from '../core/ports/dependency.js';
import { defaultPublishLimits } from '../core/publish/command.js';
import { createPublisher } from '../core/publish/publisher.js';
import { createSchemaRegistry } from '../core/schema-registry/index.js';
import { createSubscriptions } from '../core/subscribe/subscriptions.js';
import { createSubscribers, type SubscribersOptions } from '../core/subscribers/index.js';
import { createTopics } from '../core/topics/index.js';
import { outsideChangeText } from '../core/topics/reconcile.js';
import { createSchemaCompiler, createSchemaJudge } from '../drivers/ajv/index.js';
import { createCelCompiler } from '../drivers/cel/compiler.js';
import type { Logger } from '../telemetry/logger.js';
import { connectHandler } from '../transports/connect/routes.js';
import { listen } from '../transports/listener.js';
import { createOpenStreams } from '../transports/open-streams.js';
import { bringUp, topicFilesOf } from './bring-up.js';
import { openDrivers } from './drivers.js';

/** A running server. */
export interface App {
  /** `http://127.0.0.1:8080`. */
  readonly address: string;
  /** Resolves, with the names of the topics, once the bus is in full service for the first time. Rejects where waiting does not help. */
  readonly ready: Promise<readonly string[]>;
  /** Rejects when the server must not go on: its fleet writes formats now that it does not understand. */
  readonly failed: Promise<never>;
  /**
   * Shuts down: not ready any more, streams end with their cursor, then publishing stops, and calls in flight finish; after the grace
   * period the rest is cut off. May be called again.
   *
   * @param because for the log
   */
  stop(because?: string): Promise<void>;
}

/** While the server stops, a stream whose client takes nothing for so long is cut, though its end is unread. */
const stalledReaderMs = 2_000;

/** Puts the server together and starts to listen; the rest comes up behind `ready`. Throws what is wrong with the configuration, the port or the data. */
export async function startApp(config: Config, logger: Logger): Promise<App> {
  const files = await topicFilesOf(config);
  const tls = config.tls && { cert: await readPem(config.tls.cert), key: await readPem(config.tls.key) };
  const drivers = await openDrivers(config);
  const { log, coordination } = drivers;
  const dependencies = [log.status, coordination.status];
  const unlisten = dependencies.map((status) => logChanges(status, logger));

  const compiler = createSchemaCompiler();
  const judge = createSchemaJudge();
  const topics = createTopics({
    log,
    coordination,
    compiler,
    judge,
    graceMs: config.coordinationGraceMs,
    onOutsideChange: (change) => logger.warn(change, outsideChangeText(change)),
  });
  const instance = `${hostname()}:${process.pid}`;
  let onFatal: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    onFatal = reject;
  });
  failed.catch(() => undefined);
  const fleet = createFleet({
    coordination,
    instance,
    exclusive: config.coordination.driver === 'embedded',
    onLevel: (level) => logger.info({ level }, 'the fleet writes formats of this level'),
    onTooHigh: (error) => onFatal(error),
  });
  const ports = { log, coordination, topics, formats: fleet, authorizer: allowAll };
  const schemas = createSchemaRegistry({ topics: topics.schemas, log, coordination, judge });
  const publisher = createPublisher({
    ...ports,
    limits: { ...defaultPublishLimits, ...config.publish },
    onShortWindow: ({ topic, partition, ...short }) =>
      logger.warn({ topic, partition, ...short }, shortWindowText(topic, partition, short)),
  });
  const subscriptions = createSubscriptions({
    ...ports,
    filters: createCelCompiler(),
    // Made below, of these subscriptions: each needs the other.
    parking: {
      park: (command, signal) => subscribers.park(command, signal),
      heldKeys: (subscriber) => subscribers.heldKeys(subscriber),
      hold: (command, signal) => subscribers.hold(command, signal),
    },
    heartbeatMs: config.heartbeatMs,
    instance,
    onPositionsNotSet: (facts, message) => logger.warn(facts, message),
  });

  const subscribers = createSubscribers({
    ...ports,
    commit: subscriptions.commit,
    expiry: expiryPolicy(config, logger),
  });

  let ready = false;
  const streams = createOpenStreams();
  const stopping = new AbortController();
  const handler = connectHandler({
    publishing: config.role === 'output' ? undefined : publisher,
    subscriptions: config.role === 'input' ? undefined : subscriptions,
    subscribers: config.role === 'input' ? undefined : subscribers,
    exploration: createExploration({ ...ports, schemas, compiler }),
    topics,
    schemas,
    fleet,
    corsOrigins: config.corsOrigins,
    ownHostsOnly: !config.insecureListen,
    readiness: () => ({ ready, dependencies, notices: fleet.notice === undefined ? [] : [fleet.notice] }),
    draining: stopping.signal,
    streams,
    onInternalError: (error) => logger.error({ error }, 'internal error'),
  });

  async function closeParts(): Promise<void> {
    // Not waited for yet: what it asks of a broker that does not answer fails when the log is closed.
    fleet.close();
    subscribers.close();
    const unsubscribed = subscriptions.close();
    await topics.close();
    await judge.close();
    await drivers.close();
    await unsubscribed;
  }

  const listener = await listen({
    host: config.host,
    port: config.port,
    tls,
    handler,
    onError: (error) => logger.debug({ error }, 'connection error'),
  }).catch(async (error: unknown) => {
    await closeParts();
    throw error;
  });
  const address = `${tls ? 'https' : 'http'}://${listener.address}:${listener.port}`;
  logger.info(
    { address, log: log.status.name, coordination: coordination.status.name, role: config.role },
    'listening',
  );

  const up = bringUp({ topics, fleet }, files, logger, stopping.signal).then((names) => {
    ready = !stopping.signal.aborted;
    return names;
  });
  up.catch(() => undefined);

  async function stop(because: string | undefined): Promise<void> {
    logger.info({ because }, 'shutting down');
    for (const each of unlisten) each();
    ready = false;
    stopping.abort(new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again'));
    const deadline = performance.now() + config.shutdownGraceMs;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), config.shutdownGraceMs);
    const tooLate = once(late.signal, 'abort');
    const inTime = (work: Promise<unknown>) => Promise.race([work, tooLate]);
    // Publishers are served as long as streams end: a client that reads slowly must not hold them up.
    await inTime(
      Promise.all([subscriptions.drain(), streams.finish({ stalledMs: stalledReaderMs, signal: late.signal })]),
    );
    await inTime(publisher.drain());
    clearTimeout(timer);
    await listener.close({ graceMs: Math.max(0, deadline - performance.now()) });
    await closeParts();
    logger.info('stopped');
  }

  let stopped: Promise<void> | undefined;
  return {
    address,
    ready: up,
    failed,
    stop: (because) => {
      stopped ??= stop(because);
      return stopped;
    },
  };
}

/** Where subscribers expire, what is said about it: that one is due, and that it has happened. */
function expiryPolicy({ subscriberExpiryMs, role }: Config, logger: Logger): SubscribersOptions['expiry'] {
  if (subscriberExpiryMs === undefined || role === 'input') return undefined;
  return {
    afterMs: subscriberExpiryMs,
    announce: ({ event, subscriber, expires }) => {
      const facts = { subscriber, expires: new Date(expires).toISOString() };
      if (event === 'due') logger.warn(facts, 'a subscriber is idle and will be forgotten soon');
      else logger.warn(facts, 'an idle subscriber was forgotten, with its positions and parked records');
    },
    onError: (error) => logger.warn({ error }, 'looking for idle subscribers failed; it is tried again'),
  };
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** One line per change of state, however often a connection is tried. */
function logChanges(status: DependencyStatus, logger: Logger): () => void {
  const say = ({ name, state, detail }: DependencyStatus) => {
    const facts = { dependency: name, state, detail };
    if (state === 'up') logger.info(facts, `${name} is up`);
    else logger.warn(facts, `${name} is ${state === 'connecting' ? 'not reachable yet' : state}`);
  };
  if (status.detail !== undefined && status.state !== 'up') say(status);
  return status.onChange(say);
}
