import { type EventMetadata, readHeaders } from '../../src/core/event-headers.js';
import type { PublishLimits } from '../../src/core/publish/command.js';
import { connectHandler } from '../../src/transports/connect/routes.js';
import { type Listener, type ListenOptions, listen } from '../../src/transports/listener.js';
import type { Served } from '../../src/transports/served.js';
import { openStream } from './frames.js';
import { openBus, type TestBus } from './open-bus.js';

/** An event as it was stored. */
export interface StoredEvent extends EventMetadata {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly payload: string;
}

/** The core on embedded drivers behind a real listener, in this process. */
export interface HttpBus extends TestBus {
  readonly listener: Listener;
  /** `http://127.0.0.1:12345`. */
  readonly url: string;
  /** What the server had to log. */
  readonly logged: readonly unknown[];
  /** Everything in a topic, by partition and offset. */
  stored(topic: string): Promise<StoredEvent[]>;
}

export async function openHttpBus(
  { silenceMs, ...served }: Partial<Served> & Partial<Pick<ListenOptions, 'silenceMs'>> = {},
  limits: Partial<PublishLimits> = {},
): Promise<HttpBus> {
  const bus = await openBus(limits);
  const logged: unknown[] = [];
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
  return {
    ...bus,
    listener,
    url: `http://127.0.0.1:${listener.port}`,
    logged,
    async stored(topic) {
      const events: StoredEvent[] = [];
      const stream = openStream(bus.subscriptions, { topic, from: { at: 'earliest' }, follow: false });
      for (let frame = await stream.next(); frame.kind !== 'end'; frame = await stream.next()) {
        if (frame.kind !== 'events') continue;
        for (const { partition, record } of frame.deliveries) {
          events.push({
            partition,
            offset: record.offset,
            key: record.key === null ? undefined : Buffer.from(record.key).toString(),
            payload: Buffer.from(record.value ?? []).toString(),
            ...readHeaders(record.headers),
          });
        }
      }
      return events.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
    },
    async [Symbol.asyncDispose]() {
      await listener.close({ graceMs: 0 });
      await bus[Symbol.asyncDispose]();
    },
  };
}
