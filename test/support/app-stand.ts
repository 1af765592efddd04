import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openDrivers } from '../../src/app/drivers.js';
import { loadConfig } from '../../src/config/index.js';
import { connectHandler } from '../../src/transports/connect/routes.js';
import { listen } from '../../src/transports/listener.js';
import type { Served } from '../../src/transports/served.js';
import { openBusOn, type TestBus } from './open-bus.js';
import type { DriverPair } from './pairs.js';
import { until } from './wait.js';

/** The whole server in this process, on drivers of its own. */
export interface AppStand {
  readonly address: string;
  readonly bus: TestBus;
  /** Creates a topic under a name that no other test has, with the schema of that directory of `schemas/`, or without one. */
  topic(schema: string | undefined, settings?: Parameters<TestBus['topics']['create']>[0]['settings']): Promise<string>;
}

const schemas = join(import.meta.dirname, '../../schemas');

/** Ends with the test. */
export async function openApp(pair: DriverPair, served: Partial<Served> = {}): Promise<AppStand> {
  const { args } = await pair.place();
  const flags: Record<string, string> = {};
  for (let i = 0; i < args.length; i += 2) flags[args[i]?.slice(2) ?? ''] = args[i + 1] ?? '';
  const drivers = await openDrivers(loadConfig({ flags, env: {} }));
  await until(() => drivers.log.status.state === 'up' && drivers.coordination.status.state === 'up', {
    what: 'the drivers to be up',
  });
  return serveBus(await openBusOn(drivers), served);
}

/** The same on a bus that is there. It ends with the test too. */
export async function serveBus(bus: TestBus, served: Partial<Served> = {}): Promise<AppStand> {
  const handler = connectHandler({
    publishing: bus.publisher,
    subscriptions: bus.subscriptions,
    subscribers: bus.subscribers,
    exploration: bus.exploration,
    topics: bus.topics,
    schemas: bus.schemas,
    readiness: () => ({ ready: true, dependencies: [] }),
    onInternalError: (error) => console.error(error),
    ...served,
  });
  const listener = await listen({ host: '127.0.0.1', port: 0, handler, onError: () => undefined });
  onTestFinished(async () => {
    await listener.close({ graceMs: 0 });
    await bus[Symbol.asyncDispose]();
  });
  return {
    address: `http://127.0.0.1:${listener.port}`,
    bus,
    async topic(name, settings = {}) {
      const topic = `${name ?? 'free'}-${randomUUID().slice(0, 8)}`;
      const schema =
        name && readFileSync(join(schemas, name, `${readdirSync(join(schemas, name)).length - 1}.json`), 'utf8');
      await bus.topics.create({ name: topic, settings: { schemaless: !name, ...settings }, schema, adopt: false });
      return topic;
    },
  };
}
