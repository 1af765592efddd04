import { steadyPort } from '../support/ports.js';
import { startServer, type TestServer } from '../support/server.js';
import type { History } from './history.js';

/** A bus instance in a process of its own, that keeps its address over restarts, and tells the history what is done to it. */
export interface Bus {
  readonly name: string;
  readonly address: string;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the end. */
  terminate(): Promise<void>;
  /** Starts it after `kill` or `terminate`; resolves when it is ready. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  /** What it has logged since it was started. */
  output(): string;
  /** From now on it is this history that is told. */
  tell(history: History): void;
}

/** @param args as for `mainstem serve` @param now the harness's clock */
export async function startBus(name: string, args: readonly string[], now: () => number): Promise<Bus> {
  const own = [...args, '--port', `${await steadyPort()}`];
  let server: TestServer = await startServer({ args: own });
  const { address } = server;
  let history: History | undefined;
  let paused: { to: number } | undefined;

  const resume = () => {
    server.signal('SIGCONT');
    if (paused) paused.to = now();
    paused = undefined;
  };
  return {
    name,
    address,
    async kill() {
      resume();
      await server.kill();
    },
    async terminate() {
      const at = now();
      const result = await server.stop();
      history?.shutdowns.push({ instance: name, at, exitedAt: now(), result });
    },
    async start() {
      server = await startServer({ args: own });
    },
    pause() {
      paused = { to: Number.POSITIVE_INFINITY };
      history?.windows.push(Object.assign(paused, { instance: name, from: now() }));
      server.signal('SIGSTOP');
    },
    resume,
    output: () => server.output(),
    tell(next) {
      history = next;
    },
  };
}
