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

/** How to run one kind of server in a folder, on a port. */
export interface ServerKind {
  readonly name: string;
  /** Once per folder, before the first launch. */
  prepare(folder: string, ports: readonly number[]): Promise<void>;
  launch(folder: string): Promise<Jvm>;
  /** Resolves when the server is ready; rejects when it is not yet. Asked again and again. */
  ready(address: string): Promise<void>;
}

const readyWithinMs = 120_000;
const stopWithinMs = 30_000;

/** Starts a server on free ports, with data in a temporary folder. */
export async function startServer(kind: ServerKind): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), `mainstem-${kind.name}-`));
    try {
      const ports = [await steadyPort(), await steadyPort()];
      await kind.prepare(folder, ports);
      return await serverIn(kind, folder, `127.0.0.1:${ports[0]}`);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      // Somebody else may have taken a port meanwhile.
      if (attempt === 3 || !(error instanceof EndedEarly)) throw error;
    }
  }
}

class EndedEarly extends Error {}

async function serverIn(kind: ServerKind, folder: string, address: string): Promise<Server> {
  let jvm: Jvm | undefined;

  async function start(): Promise<void> {
    if (jvm !== undefined && !jvm.hasExited()) return;
    const started = await kind.launch(folder);
    jvm = started;
    const deadline = Date.now() + readyWithinMs;
    for (;;) {
      let last: unknown;
      try {
        await kind.ready(address);
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

  await start();
  return {
    address,
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
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
