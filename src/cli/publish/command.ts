import { type Command, Option } from 'commander';
import { type GlobalOptions, withClient } from '../connect.js';
import type { Io } from '../io.js';
import { durationMs, wholeNumber } from '../values.js';
import { idempotencyKey, jsonPointer } from './identities.js';
import type { PublishOptions } from './options.js';
import { runPublish } from './run.js';

export function addPublish(program: Command, io: Io): void {
  program
    .command('publish')
    .summary('publish the lines of a file as events')
    .description('Publishes JSON lines: each line is one event, and its bytes are the payload, unchanged.')
    .argument('<topic>', 'the topic')
    .argument('[file]', 'a file of JSON lines; - is stdin', '-')
    .option('--key <text>', 'the key of all events; without it the topic’s key pointer applies')
    .option('--batch <lines>', 'lines per batch at most, 1 to 10000', wholeNumber(1, 10_000), 1000)
    .option('--schema-version <n>', 'validate against this version, not the latest', wholeNumber(1, 2 ** 31 - 1))
    .option('--max-errors <n>', 'show so many rejected lines, and count the others', wholeNumber(0), 20)
    .option(
      '--id-pointer <pointer>',
      'a JSON Pointer to each event’s id: sent again, the event is stored once',
      jsonPointer,
    )
    .option('--idempotency-key <key>', 'a name of this upload: line n gets the id KEY/n', idempotencyKey)
    .option('--from-line <n>', 'go on from this line', wholeNumber(1), 1)
    .option('--retry-for <duration>', 'send again for so long without progress; 0s: not at all', durationMs, 60_000)
    .addOption(new Option('--output <format>', 'the summary’s format').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      `
With --id-pointer or --idempotency-key an upload goes on by itself after the connection broke, and the same command may
be given again: within the topic's dedupe window (default 10 minutes) every line is stored exactly once. Without them what
was on its way when the connection broke may be stored or not; the summary names those lines.

Exit code: 0 every line is stored, 1 lines were rejected, 2 wrong usage, 3 the server failed.

Examples:
  $ mainstem publish orders orders.ndjson
  $ mainstem publish orders orders.ndjson --idempotency-key orders-2026-01-31
  $ echo '{"id":1}' | mainstem publish orders --key customer-7`,
    )
    .action(async (topic: string, file: string, options: PublishOptions, command: Command) => {
      // gRPC frames a bidirectional stream with the least overhead.
      await withClient(io, command.optsWithGlobals<GlobalOptions>(), 'grpc', (client) =>
        runPublish(io, client, topic, file, options),
      );
    });
}
