import { expect } from 'vitest';
import { createMainstemClient, type MainstemClient, MainstemError, type Protocol } from '../../src/client/index.js';
import { startServer, type TestServer } from '../support/server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** A real server in a process of its own, with one schemaless topic `events`, for a test that ill-treats it. */
export interface HostileBus {
  readonly server: TestServer;
  readonly address: string;
  readonly port: number;
  readonly client: MainstemClient;
  /** A client of the same server by another protocol, closed with the bus. */
  over(protocol: Protocol): MainstemClient;
  /** Everything that is in a topic, as text. */
  stored(topic?: string): Promise<string[]>;
  /** The server lives: it answers, and an event goes in and comes out. */
  check(): Promise<void>;
  dispose(): Promise<void>;
}

const controlTopic = 'control';

export async function startBus(args: readonly string[] = []): Promise<HostileBus> {
  const directory = await temporaryDirectory();
  const server = await startServer({ args: ['--log', `embedded:${directory.path}`, ...args] });
  const clients: MainstemClient[] = [];
  function over(protocol: Protocol): MainstemClient {
    const client = createMainstemClient({ address: server.address, protocol });
    clients.push(client);
    return client;
  }
  const client = over('connect');
  for (const topic of ['events', controlTopic]) await client.topics.create({ topic, settings: { schemaless: true } });
  let checks = 0;

  async function stored(topic = 'events'): Promise<string[]> {
    const texts: string[] = [];
    for await (const frame of client.frames({ topic, from: 'earliest', follow: false })) {
      if (frame.case !== 'events') continue;
      for (const { jsonBytes } of frame.value.records) texts.push(Buffer.from(jsonBytes).toString());
    }
    return texts;
  }

  return {
    server,
    address: server.address,
    port: Number(new URL(server.address).port),
    client,
    over,
    stored,
    async check() {
      expect((await fetch(`${server.address}/livez`, { signal: AbortSignal.timeout(20_000) })).status).toBe(200);
      const payload = `{"check":${++checks}}`;
      const [result] = await client.publish({ topic: controlTopic, events: [{ payload }] });
      const from = { time: new Date(Number(result?.time?.seconds ?? 0) * 1000) };
      for await (const frame of client.frames({ topic: controlTopic, from, follow: false })) {
        if (frame.case !== 'events') continue;
        if (frame.value.records.some(({ jsonBytes }) => Buffer.from(jsonBytes).toString() === payload)) return;
      }
      throw new Error(`the event ${payload} was acknowledged and did not come`);
    },
    async dispose() {
      for (const each of clients) each.close();
      await server.kill();
      await directory.remove();
    },
  };
}

/** The error that a call fails with. */
export async function refusal(call: Promise<unknown>): Promise<MainstemError> {
  const answer = await call.then(
    (value: unknown) =>
      new Error(`it went through: ${JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`),
    (error: unknown) => error,
  );
  if (answer instanceof MainstemError) return answer;
  throw answer;
}

/** All frames of a stream. */
export async function drain<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const frames: T[] = [];
  for await (const frame of stream) frames.push(frame);
  return frames;
}

/** An answer of Connect's JSON form. */
export interface JsonAnswer {
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
  /** From the ErrorInfo. */
  readonly reason?: string;
  /** Of the BadRequest's violations. */
  readonly fields?: readonly string[];
}

interface ErrorBody {
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly {
    readonly debug?: { reason?: string; fieldViolations?: readonly { field: string }[] };
  }[];
}

/** Calls as curl does, with a body that is sent as it is. */
export async function post(
  address: string,
  method: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<JsonAnswer> {
  const response = await fetch(`${address}/mainstem.v1.${method}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const text = await response.text();
  if (response.ok) return { status: response.status };
  // What is not JSON fails the test here, as it should.
  const { code, message, details = [] }: ErrorBody = JSON.parse(text);
  return {
    status: response.status,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    ...details.reduce<{ reason?: string; fields?: string[] }>((all, { debug }) => {
      if (debug?.reason !== undefined) all.reason = debug.reason;
      if (debug?.fieldViolations) all.fields = debug.fieldViolations.map(({ field }) => field);
      return all;
    }, {}),
  };
}
