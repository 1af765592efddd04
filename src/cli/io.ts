import type { Readable, Writable } from 'node:stream';

/** Everything a command touches outside itself, so that tests can hand in their own. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted when this process is asked to stop; the reason is a StopRequest. A second signal ends the process at once. */
  readonly interrupted: AbortSignal;
}

export const exitCodes = {
  ok: 0,
  /** Some lines were rejected; or the server refused what was asked. */
  refused: 1,
  /** The command line, or a file that it names, is wrong. */
  usage: 2,
  /** The server could not be reached, or failed. */
  failed: 3,
} as const;

export function isTty(stream: Readable | Writable): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}

/** One line for a person, on stderr. */
export function note(io: Pick<Io, 'stderr'>, text: string): void {
  io.stderr.write(`${text}\n`);
}

/** Writes and waits until it is handed on; rejects with EPIPE where nobody reads any more. */
export function writeOut(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
}
