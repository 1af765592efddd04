import { Buffer } from 'node:buffer';
import { BusError } from '../../src/core/errors.js';
import type { EventResult, PublishCommand, Publishing } from '../../src/core/publish/command.js';
import type { SchemaRegistry } from '../../src/core/schema-registry/commands.js';
import type { Delivery, Frame, SubscribeCommand, Subscriptions } from '../../src/core/subscribe/frames.js';
import { toPulled } from '../../src/core/subscribe/pulled.js';
import type { TopicAdmin } from '../../src/core/topics/topic.js';
import { connectHandler } from '../../src/transports/connect/routes.js';
import { type Listener, type ListenOptions, listen } from '../../src/transports/listener.js';
import type { Served } from '../../src/transports/served.js';
import { until } from '../support/until.js';

/** A bus of one partition, in memory, behind the real transports. What it is told to hold back waits for the test, or for the signal. */
export interface TestBus {
  readonly listener: Listener;
  readonly url: string;
  /** What the server had to log. */
  readonly errors: unknown[];
  readonly commands: PublishCommand[];
  /** Calls that wait now: publishing to the topic `held`, and streams that follow. */
  readonly waiting: Set<AbortSignal>;
  readonly progress: ReturnType<typeof until>;
  /** Lets the publishing to `held` go on. */
  release(): void;
  ready: boolean;
}

export async function startBus({
  stalledMs,
  ...options
}: Partial<ListenOptions> & Pick<Served, 'stalledMs'> = {}): Promise<TestBus> {
  const progress = until();
  const errors: unknown[] = [];
  const commands: PublishCommand[] = [];
  const waiting = new Set<AbortSignal>();
  const stored: Delivery[] = [];
  const gate = resolvers();

  async function wait(signal: AbortSignal, released: Promise<unknown> = new Promise(() => undefined)): Promise<void> {
    waiting.add(signal);
    progress.changed();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      await Promise.race([aborted, released]);
    } finally {
      waiting.delete(signal);
      progress.changed();
    }
  }

  async function publish(command: PublishCommand, signal: AbortSignal): Promise<EventResult[]> {
    commands.push(command);
    if (command.topic === 'missing') throw new BusError('TOPIC_NOT_FOUND', 'topic missing does not exist');
    if (command.topic === 'broken') throw new Error('a secret of the server');
    if (command.topic === 'held') await wait(signal, gate.promise);
    return command.events.map(({ payload, key }): EventResult => {
      const record = {
        offset: stored.length,
        timestamp: 1_000,
        key: key ?? null,
        value: payload,
        headers: [],
      };
      stored.push({ partition: 0, record, kind: 'json', schemaVersion: 1, bytes: payload?.length ?? 0 });
      return { status: 'stored', partition: 0, offset: record.offset, timestamp: 1_000, schemaVersion: 1 };
    });
  }

  const publishing: Publishing = {
    publish,
    openStream: () => ({
      publish,
      add(command, listener, signal) {
        publish(command, signal).then(
          (results) => listener.answered(results),
          (error) => listener.failed(error),
        );
      },
      flush: () => undefined,
      refuse: (error) => Promise.reject(error),
      draining: new AbortController().signal,
    }),
  };
  async function* subscribe(
    { topic = '', subscriber, follow, limit }: SubscribeCommand,
    signal: AbortSignal,
  ): AsyncGenerator<Frame> {
    const incarnation = 'i';
    const topics = [{ topic, incarnation, partitions: [0] }];
    const generation = subscriber === undefined ? undefined : 1;
    const assignment = { topic, incarnation, partitions: [0], topics, generation, cursor: 'c0', waiting: false };
    yield { kind: 'ready', streamId: 's', cursor: 'c0', assignment };
    if (limit !== undefined) {
      // As much as is asked for, large, for clients that do not read.
      const record = { offset: 0, timestamp: 0, key: null, value: Buffer.alloc(256 * 1024, 0x20), headers: [] };
      const large: Delivery = { partition: 0, record, kind: 'json', schemaVersion: 1, bytes: record.value.length };
      const stopped = wait(signal);
      stopped.catch(() => undefined);
      for (let left = limit; left > 0; left--)
        yield { kind: 'events', topic, incarnation, deliveries: [large], cursor: 'c' };
    }
    yield { kind: 'events', topic, incarnation, deliveries: [...stored], cursor: 'c1' };
    if (follow ?? true) await wait(signal);
    yield { kind: 'end', reason: 'caught_up', cursor: 'c1', retryDelayMs: undefined, message: undefined };
  }
  const subscriptions: Subscriptions = {
    subscribe: (command, signal) => toPulled(subscribe(command, signal)),
    keepAlive: async () => undefined,
    setPositions: async () => undefined,
    commit: async ({ generation }) => {
      if (generation !== 7) throw new BusError('FENCED', 'the generation is not 7');
      return [{ topic: 't', partition: 0, nextOffset: 0 }];
    },
  };
  const topics: TopicAdmin = {
    list: async () => [],
    get: async (name) => {
      throw new BusError('TOPIC_NOT_FOUND', `topic ${name} does not exist`);
    },
    create: async () => {
      throw new BusError('TOPIC_ALREADY_EXISTS', 'it exists');
    },
    apply: async () => {
      throw new BusError('SCHEMA_INVALID', 'no');
    },
    delete: async () => undefined,
    deleteUnused: async () => undefined,
  };

  const refuse = async (): Promise<never> => {
    throw new BusError('TOPIC_NOT_FOUND', 'there is no topic here');
  };
  const schemas: SchemaRegistry = {
    register: refuse,
    check: refuse,
    get: refuse,
    list: refuse,
    diff: refuse,
    validate: refuse,
    setPolicy: refuse,
    setState: refuse,
  };

  const bus = { ready: true };
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    onError: () => undefined,
    ...options,
    handler: connectHandler({
      publishing,
      subscriptions,
      topics,
      schemas,
      readiness: () => ({
        ready: bus.ready,
        dependencies: [{ name: 'memory', state: 'up', detail: undefined, since: 0 }],
      }),
      onInternalError: (error) => errors.push(error),
      stalledMs,
    }),
  });
  const url = `${options.tls ? 'https' : 'http'}://${listener.address}:${listener.port}`;
  return Object.assign(bus, {
    listener,
    url,
    errors,
    commands,
    waiting,
    progress,
    release: () => gate.resolve(undefined),
  });
}

function resolvers() {
  let resolve: (value: unknown) => void = () => undefined;
  const promise = new Promise((onResolve) => {
    resolve = onResolve;
  });
  return { promise, resolve };
}
