import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cleanEnvironment, cliPath } from './server.js';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mainstem …` in a process of its own, to the end. */
export async function cli(address: string, args: readonly string[], input?: string | Buffer): Promise<CliResult> {
  const child = spawn(process.execPath, [cliPath, ...args], {
    env: { ...cleanEnvironment(), MAINSTEM_ADDRESS: address },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [code] = await once(child, 'close');
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}
