import { CommanderError } from 'commander';
import { exitCodes, type Io, isClosedPipe } from './io.js';
import { onStopRequest } from './process/stop-request.js';
import { createProgram } from './program.js';
import { reportError } from './report-error.js';

/** Runs one command line (without node and script); resolves with the exit code. Never throws. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    const program = await createProgram(io, argv);
    await program.parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // Commander has said its part already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    // Nobody reads the output any more, as in `mainstem tail … | head`: that is an end, not a failure.
    if (isClosedPipe(error)) return exitCodes.ok;
    return reportError(io, error);
  }
}

/** The command of this process: takes over its streams, and its signals once the command asks for them. */
export async function main(): Promise<void> {
  // Writes report their errors to their callers; without listeners a closed pipe would end the process first.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  let interrupted: AbortSignal | undefined;
  process.exitCode = await runCli(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    // Not before a command asks for it: a command that does not listen for it keeps the usual signals.
    get interrupted() {
      interrupted ??= onStopRequest();
      return interrupted;
    },
  });
}
