import { openHttpBus } from './http-bus.js';
import type { TestBus } from './open-bus.js';

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

export async function openHttpStand(options: Parameters<typeof openHttpBus>[0] = {}): Promise<HttpStand> {
  const bus = await openHttpBus(options);

  async function publish(topic: string, payloads: readonly string[]): Promise<void> {
    const { signal } = new AbortController();
    for (let at = 0; at < payloads.length; at += 500) {
      const events = payloads.slice(at, at + 500).map((payload) => ({ payload: Buffer.from(payload) }));
      await bus.publisher.publish({ topic, mode: 'all_or_nothing', events }, signal);
    }
  }

  return {
    bus,
    address: bus.url,
    port: bus.listener.port,
    logged: bus.logged,
    publish,
    async topic(name, payloads = [], partitions = 1) {
      await bus.topics.create({ name, settings: { partitions, schemaless: true }, adopt: false });
      await publish(name, payloads);
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}
