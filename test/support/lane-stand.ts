import { connectHandler } from '../../src/transports/connect/routes.js';
import { type Listener, listen } from '../../src/transports/listener.js';
import type { HttpHandler } from '../../src/transports/node-http.js';
import type { Served } from '../../src/transports/served.js';
import type { TestBus } from './open-bus.js';

/** The same services with the lanes and without. */
export interface LaneStand extends AsyncDisposable {
  /** URLs. */
  readonly lane: string;
  readonly adapter: string;
  /** How many requests have reached the adapter of the first. */
  readonly passedOn: number;
  /** What broke in the server. */
  readonly logged: readonly unknown[];
}

/** @param subscriptions undefined: that service is not there. */
export async function openLaneStand(
  bus: TestBus,
  { readMaxBytes, subscriptions }: Pick<Served, 'readMaxBytes'> & Partial<Pick<Served, 'subscriptions'>>,
): Promise<LaneStand> {
  const listeners: Listener[] = [];
  const logged: unknown[] = [];
  let passedOn = 0;

  async function start(fastLane: boolean): Promise<string> {
    const handler = connectHandler({
      publishing: bus.publisher,
      subscriptions,
      topics: bus.topics,
      schemas: bus.schemas,
      readiness: () => ({ ready: true, dependencies: [] }),
      onInternalError: (error) => logged.push(error),
      readMaxBytes,
      fastLane,
    });
    const counting: HttpHandler = (request, response) => {
      if (fastLane) passedOn++;
      handler(request, response);
    };
    const listener = await listen({
      host: '127.0.0.1',
      port: 0,
      handler: Object.assign(counting, { stream: handler.stream }),
      onError: () => undefined,
    });
    listeners.push(listener);
    return `http://127.0.0.1:${listener.port}`;
  }

  return {
    lane: await start(true),
    adapter: await start(false),
    logged,
    get passedOn() {
      return passedOn;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(listeners.map((listener) => listener.close({ graceMs: 0 })));
    },
  };
}
