import { PassThrough, Readable, Writable } from 'node:stream';
import { runCli } from '../../../src/cli/main.js';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliInput {
  readonly stdin?: string | Buffer | Readable;
  readonly cwd?: string;
  readonly interrupt?: AbortController;
  /** Sees stdout as it grows. */
  onOut?(text: string): void;
  onErr?(text: string): void;
  readonly stdout?: Writable;
}

/** Runs a command line in this process, against a server. */
export async function cli(address: string, args: readonly string[], input: CliInput = {}): Promise<CliRun> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const collect = (into: Buffer[], seen?: (text: string) => void) =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        into.push(Buffer.from(chunk));
        seen?.(Buffer.concat(into).toString());
        done();
      },
    });
  const stdin = input.stdin instanceof Readable ? input.stdin : new PassThrough().end(input.stdin ?? '');
  const code = await runCli(['--address', address, ...args], {
    stdin,
    stdout: input.stdout ?? collect(out, input.onOut),
    stderr: collect(err, input.onErr),
    env: {},
    cwd: input.cwd ?? process.cwd(),
    interrupted: (input.interrupt ?? new AbortController()).signal,
  });
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}
