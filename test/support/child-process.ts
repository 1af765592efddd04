import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A TypeScript file running in a process of its own. */
export interface Child {
  readonly process: ChildProcess;
  /** Its output, line by line; ends with the process. Only whole lines. */
  readonly lines: AsyncIterable<string>;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
}

export function startChild(file: string, ...parameters: string[]): Child {
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  return {
    process: child,
    lines: createInterface({ input: child.stdout }),
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
