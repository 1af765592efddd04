import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** `MAINSTEM_TEST_CLI` names another build than the checkout's. */
export const cliPath = process.env.MAINSTEM_TEST_CLI ?? join(root, 'bin/mainstem.js');

/** A real server in a process of its own. */
export interface TestServer {
  /** `http://127.0.0.1:12345`. */
  readonly address: string;
  readonly pid: number;
  readonly output: () => string;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** `kill -9`, and waits for the end. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<number | NodeJS.Signals>;
}

export interface ServerOptions {
  /** As in `mainstem serve …`; `--port 0` unless one is given. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Resolve when it listens, though it may not be in service yet. */
  readonly whenListening?: boolean;
}

/** Starts `mainstem serve` from `dist/`, and waits until it is ready. */
export async function startServer({ args, env = {}, whenListening = false }: ServerOptions): Promise<TestServer> {
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(process.execPath, [cliPath, 'serve', ...port, ...args], {
    cwd: root,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const address = new Promise<string>((resolve, reject) => {
    const onText = (chunk: Buffer) => {
      output += chunk.toString();
      const found = whenListening
        ? /"address":"(http[^"]+)"/.exec(output)
        : /Mainstem is ready at (http\S+)/.exec(output);
      if (found?.[1]) resolve(found[1]);
    };
    child.stdout.on('data', onText);
    child.stderr.on('data', onText);
    child.once('exit', () => reject(new Error(`the server ended before it was ready:\n${output}`)));
  });
  const exited = endOf(child);
  return {
    address: await address,
    pid: child.pid ?? 0,
    output: () => output,
    signal: (name) => void child.kill(name),
    exited,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = await once(child, 'exit');
  return signal ?? code;
}

/** The environment without settings of the bus that the developer may have. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries({ ...process.env, NO_COLOR: '1' }).filter(
      // A server that npm has started takes a second signal within a second for npm's own.
      ([name]) => !name.startsWith('MAINSTEM_') && name !== 'FORCE_COLOR' && name !== 'npm_execpath',
    ),
  );
}
