import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtFile } from '../build.js';
import type { Answer, Commands, CommonCommands, Question } from './commands.js';

/** A process whose CPU time is compared. */
export interface Measured {
  readonly pid: number;
  /** CPU time so far, user and system, of all threads, those included that have ended: microseconds, exactly (/proc has ticks of 10 ms). */
  cpuMicros(): Promise<number>;
}

export interface Child<C extends Commands> extends Measured {
  /** What it has written to stdout and stderr. */
  output(): string;
  /** Rejects with the child's own error, or when it ends before it has answered. */
  ask<K extends keyof C & string>(
    name: K,
    ...parameters: Parameters<C[K]> extends [] ? [] : [Parameters<C[K]>[0]]
  ): Promise<Awaited<ReturnType<C[K]>>>;
  /** Resolves with the first match in its output. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** `kill -9`, and waits for the end. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
}

/** Starts a built file of the bench, bound to one core. */
export function startChild<C extends Commands>(
  name: string,
  core: number,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
): Child<C> {
  const command = ['-c', String(core), process.execPath, '--enable-source-maps', ...nodeArgs, builtFile(name), ...args];
  const child = spawn('taskset', command, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const { pid } = child;
  if (pid === undefined) throw new Error('taskset could not be started');
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const listeners = new Set<() => void>();
  let output = '';
  let questions = 0;
  const onText = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-100_000);
    for (const each of listeners) each();
  };
  child.stdout?.on('data', onText);
  child.stderr?.on('data', onText);
  child.on('message', ({ id, result, error }: Answer) => {
    if (error === undefined) open.get(id)?.resolve(result);
    else open.get(id)?.reject(new Error(`${name}: ${error}`));
    open.delete(id);
  });
  const exited = endOf(child).then(() => {
    const error = new Error(`${name} has ended:\n${output.slice(-4000)}`);
    for (const each of open.values()) each.reject(error);
    for (const each of listeners) each();
  });

  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  const send = <T>(question: string, parameters?: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = questions++;
      // The answer has the type of the command that was asked for: both sides are built from the same sources.
      open.set(id, { resolve: resolve as (value: unknown) => void, reject });
      const message: Question = { id, name: question, parameters };
      child.send(message, (error) => error && reject(error));
    });
  return {
    pid,
    cpuMicros: () => send<Awaited<ReturnType<CommonCommands['cpuMicros']>>>('cpuMicros'),
    output: () => output,
    ask: (question, ...parameters) => send(question, parameters[0]),
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(output);
          if (found) resolve(found);
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`${name} has ended:\n${output}`));
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

async function endOf(child: ChildProcess): Promise<void> {
  await once(child, 'exit');
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(MAINSTEM_|NODE_OPTIONS)/.test(name)));
}
