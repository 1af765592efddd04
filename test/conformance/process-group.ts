import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

export interface Run {
  /** Undefined: it was cut at its limit. */
  readonly code: number | undefined;
  readonly seconds: number;
}

const running = new Set<number>();

/** Runs a program and all that it starts, its output going to a file; after `limitMs`, and when this process ends, whatever is left is killed. */
export async function run(command: readonly string[], output: string, limitMs: number): Promise<Run> {
  const begun = performance.now();
  const [program = '', ...parameters] = command;
  const file = createWriteStream(output);
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  let cut = false;
  const timer = setTimeout(() => {
    cut = true;
    killGroup(pid);
  }, limitMs);
  try {
    const [code] = await once(child, 'close');
    return { code: cut ? undefined : (code ?? 1), seconds: Math.round((performance.now() - begun) / 1000) };
  } finally {
    clearTimeout(timer);
    killGroup(pid);
    file.end();
    await finished(file);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  running.delete(pid);
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it is gone already.
  }
}

process.on('exit', () => {
  for (const pid of running) killGroup(pid);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
