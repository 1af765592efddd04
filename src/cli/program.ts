import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { defaultAddress } from './connect.js';
import { addCursors } from './cursors/command.js';
import { addFleet } from './fleet/command.js';
import type { Io } from './io.js';
import { addPublish } from './publish/command.js';
import { addSchema } from './schema/command.js';
import { addServe } from './serve.js';
import { addSubscribers } from './subscribers/command.js';
import { addTail } from './tail/command.js';
import { addTopics } from './topics/command.js';

/** The whole command line; `argv` tells which parts of it will be needed. Parsing throws a CommanderError after it has printed help or what is wrong. */
export async function createProgram(io: Io, argv: readonly string[]): Promise<Command> {
  const program = new Command('mainstem');
  program
    .description(
      'A streaming data bus: publish JSON events, validate them, stream them live or from any point in the past.',
    )
    .version(version(), '-V, --version')
    .option('--address <url>', `the server (env MAINSTEM_ADDRESS, default ${defaultAddress})`)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
    .showHelpAfterError('(--help tells more)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ mainstem serve
  $ mainstem topics create orders --schemaless
  $ mainstem publish orders orders.ndjson
  $ mainstem tail orders --from earliest`,
    );
  await addServe(program, io, argv.includes('serve'));
  addPublish(program, io);
  addTail(program, io);
  addTopics(program, io);
  addSchema(program, io);
  addSubscribers(program, io);
  addFleet(program, io);
  addCursors(program, io);
  return program;
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return manifest !== null && typeof manifest === 'object' && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
