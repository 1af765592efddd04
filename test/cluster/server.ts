import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { steadyPort } from '../support/ports.js';
import type { Jvm } from './jvm.js';

/** One real server that a test may ill-treat. Its address stays the same over restarts. */
export interface Server {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Stops it in order (SIGTERM), and starts it again. */
  restart(): Promise<void>;
  /** Stops it in order. */
  stop(): Promise<void>;
  /** Ends it at once (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it after `stop` or `kill`, on the same data; resolves when it is ready. */
  start(): Promise<void>;
  /** Freezes it (SIGSTOP): connections stay, and nothing answers from the moment that this resolves. */
  pause(): Promise<void>;
  resume(): void;
  /** Ends it and removes its data. */
  dispose(): Promise<void>;
}

/** The place of one server: its folder and its ports, of which the first is the clients'. */
export interface Place {
  readonly folder: string;
  readonly ports: readonly number[];
  /** `127.0.0.1:port`, of the first port. */
  readonly address: string;
}

/** How to run servers of one kind, a single one or several that know each other. */
export interface ServerKind {
  readonly name: string;
  /** How many ports each server needs. */
  readonly ports: number;
  /** Writes the configuration of all servers, once, before the first launch. */
  prepare(places: readonly Place[]): Promise<void>;
  launch(place: Place, index: number): Promise<Jvm>;
  /** Resolves when the server is ready; rejects when it is not yet. Asked again and again. */
  ready(place: Place, index: number): Promise<void>;
}

const readyWithinMs = 120_000;
const stopWithinMs = 30_000;

/** Starts a server on free ports, with data in a temporary folder. */
export async function startServer(kind: ServerKind): Promise<Server> {
  const [server] = await startServers(kind, 1);
  if (server === undefined) throw new Error(`no ${kind.name} was started`);
  return server;
}

/** Starts several servers together, each on free ports and with a temporary folder of its own. Resolves when all are ready. */
export async function startServers(kind: ServerKind, count: number): Promise<Server[]> {
  for (let attempt = 1; ; attempt++) {
    const places = await placesFor(kind, count);
    const servers = places.map((place, index) => serverIn(kind, place, index));
    try {
      await kind.prepare(places);
      await Promise.all(servers.map((server) => server.start()));
      return servers;
    } catch (error) {
      await Promise.all(servers.map((server) => server.dispose()));
      // Another process may have taken a port meanwhile.
      if (attempt === 3 || !(error instanceof EndedEarly)) throw error;
    }
  }
}

async function placesFor(kind: ServerKind, count: number): Promise<Place[]> {
  const taken = new Set<number>();
  const port = async () => {
    for (;;) {
      const found = await steadyPort();
      if (taken.has(found)) continue;
      taken.add(found);
      return found;
    }
  };
  const places: Place[] = [];
  for (let i = 0; i < count; i++) {
    const folder = await mkdtemp(join(tmpdir(), `mainstem-${kind.name}-`));
    const ports: number[] = [];
    while (ports.length < kind.ports) ports.push(await port());
    places.push({ folder, ports, address: `127.0.0.1:${ports[0]}` });
  }
  return places;
}

class EndedEarly extends Error {}

function serverIn(kind: ServerKind, place: Place, index: number): Server {
  let jvm: Jvm | undefined;

  async function start(): Promise<void> {
    if (jvm !== undefined && !jvm.hasExited()) return;
    const started = await kind.launch(place, index);
    jvm = started;
    const deadline = Date.now() + readyWithinMs;
    for (;;) {
      let last: unknown;
      try {
        await kind.ready(place, index);
        return;
      } catch (error) {
        last = error;
      }
      if (started.hasExited()) throw new EndedEarly(`${kind.name} ended while starting: ${await started.output()}`);
      if (Date.now() > deadline) {
        started.signal('SIGKILL');
        throw new Error(`${kind.name} was not ready within ${readyWithinMs} ms`, { cause: last });
      }
      await sleep(100);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (jvm === undefined) return;
    const ending = jvm;
    ending.signal('SIGCONT');
    ending.signal(signal);
    const patience = setTimeout(() => ending.signal('SIGKILL'), stopWithinMs);
    await ending.exited;
    clearTimeout(patience);
  }

  return {
    address: place.address,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      await start();
    },
    pause: async () => jvm?.pause(),
    resume: () => jvm?.signal('SIGCONT'),
    dispose: async () => {
      await end('SIGKILL');
      await rm(place.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
