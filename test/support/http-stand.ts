import { connectHandler } from '../../src/transports/connect/routes.js';
import { type ListenOptions, listen } from '../../src/transports/listener.js';
import type { Served } from '../../src/transports/served.js';
import { openBus, type TestBus } from './open-bus.js';

/** The core on embedded drivers behind the real listener, in this process. */
export interface HttpStand extends AsyncDisposable {
  readonly bus: TestBus;
  /** `http://127.0.0.1:12345`. */
  readonly address: string;
  readonly port: number;
  /** What broke in the server. */
  readonly logged: readonly unknown[];
  /** A schemaless topic with these payloads, as they stand, in the order given. Payloads go to partition 0 where there is one alone. */
  topic(name: string, payloads?: readonly string[], partitions?: number): Promise<void>;
  publish(topic: string, payloads: readonly string[]): Promise<void>;
}

export async function openHttpStand(
  options: Partial<Served> & Partial<Pick<ListenOptions, 'silenceMs'>> = {},
): Promise<HttpStand> {
  const bus = await openBus();
  const logged: unknown[] = [];
  const { silenceMs, ...served } = options;
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    silenceMs,
    onError: () => undefined,
    handler: connectHandler({
      publishing: bus.publisher,
      subscriptions: bus.subscriptions,
      subscribers: bus.subscribers,
      topics: bus.topics,
      schemas: bus.schemas,
      readiness: () => ({ ready: true, dependencies: [] }),
      onInternalError: (error) => logged.push(error),
      ...served,
    }),
  });

  async function publish(topic: string, payloads: readonly string[]): Promise<void> {
    const { signal } = new AbortController();
    for (let at = 0; at < payloads.length; at += 500) {
      const events = payloads.slice(at, at + 500).map((payload) => ({ payload: Buffer.from(payload) }));
      await bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, signal);
    }
  }

  return {
    bus,
    address: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    logged,
    publish,
    async topic(name, payloads = [], partitions = 1) {
      await bus.topics.create({ name, settings: { partitions, schemaless: true }, adopt: false });
      await publish(name, payloads);
    },
    async [Symbol.asyncDispose]() {
      await listener.close({ graceMs: 0 });
      await bus[Symbol.asyncDispose]();
    },
  };
}
