import { type Command, Option } from 'commander';
import type { MainstemClient } from '../../client/index.js';
import { type GlobalOptions, withClient } from '../connect.js';
import type { Io } from '../io.js';
import { outputOption } from '../output-option.js';
import type { OutputOptions } from '../print.js';
import { wholeNumber } from '../values.js';
import {
  type CheckOptions,
  diffSchemas,
  listSchemas,
  type PolicyOptions,
  registerSchema,
  schemaPolicy,
  setSchemaState,
  showSchema,
  validateEvents,
} from './actions.js';
import { checkSchemas } from './check.js';

const levels = ['none', 'backward', 'backward_transitive', 'forward', 'forward_transitive', 'full', 'full_transitive'];

export function addSchema(program: Command, io: Io): void {
  const schema = program.command('schema').summary('check, register, compare and validate against schemas');
  schema.description(
    "Changes topics' schemas safely: versions are immutable, and a new one is proved compatible or refuted.",
  );
  const run = (command: Command, work: (client: MainstemClient) => Promise<void>) =>
    withClient(io, command.optsWithGlobals<GlobalOptions>(), 'connect', work);

  withCheckOptions(
    schema
      .command('check')
      .description('Tells what registering would do, and changes nothing; exit code 1 if a schema would be refused.')
      .argument('<path>', 'a directory of topics such as schemas/, a file, or - for stdin')
      .option('--topic <name>', 'the topic that a single file is for'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ mainstem schema check schemas/ --address http://bus:8080
  $ mainstem schema check person.json --topic people --evidence 100000`,
    )
    .action((path: string, options: CheckOptions & { readonly topic?: string }, command: Command) =>
      run(command, (client) => checkSchemas(io, client, path, options)),
    );

  withCheckOptions(
    schema
      .command('register')
      .description('Adds a version; an identical schema is found, not added again.')
      .argument('<topic>')
      .argument('<file>', 'the JSON Schema, or - for stdin')
      .option('--expected-version <n>', 'refuse if it would get another number', wholeNumber(1)),
  ).action(
    (topic: string, file: string, options: CheckOptions & { readonly expectedVersion?: number }, command: Command) =>
      run(command, (client) => registerSchema(io, client, topic, file, options)),
  );

  schema
    .command('list')
    .description("Lists a topic's versions, and its policy.")
    .argument('<topic>')
    .addOption(outputOption())
    .action((topic: string, options: OutputOptions, command: Command) =>
      run(command, (client) => listSchemas(io, client, topic, options)),
    );

  schema
    .command('show')
    .description('Prints a version as its author wrote it.')
    .argument('<topic>')
    .argument('[version]', 'default: the latest', wholeNumber(1))
    .addOption(outputOption())
    .action((topic: string, version: number | undefined, options: OutputOptions, command: Command) =>
      run(command, (client) => showSchema(io, client, topic, version, options)),
    );

  schema
    .command('diff')
    .description('Compares two versions, or a version with a file: what changed, and who still understands whom.')
    .argument('<topic>')
    .argument('[from]', 'a version; default: the one before')
    .argument('[to]', 'a version or a file; default: the latest version')
    .addOption(readingOption())
    .addOption(outputOption())
    .action(
      (
        topic: string,
        from: string | undefined,
        to: string | undefined,
        options: OutputOptions & PolicyOptions,
        command: Command,
      ) => run(command, (client) => diffSchemas(io, client, topic, from, to, options)),
    );

  schema
    .command('validate')
    .description('Validates events, one per line, and stores nothing; exit code 1 if any is invalid.')
    .argument('<topic>')
    .argument('[file]', 'NDJSON; default: stdin', '-')
    .option('--version <n>', 'against this version; default: the latest', wholeNumber(1))
    .option('--schema <file>', 'against a proposed schema')
    .addOption(outputOption())
    .action(
      (
        topic: string,
        file: string,
        options: OutputOptions & { readonly version?: number; readonly schema?: string },
        command: Command,
      ) => run(command, (client) => validateEvents(io, client, topic, file, options)),
    );

  schema
    .command('policy')
    .description('Shows by what new versions are judged, or sets it.')
    .argument('<topic>')
    .addOption(new Option('--level <level>', 'what a new version must be to the ones before').choices(levels))
    .addOption(readingOption())
    .addOption(outputOption())
    .action((topic: string, options: OutputOptions & PolicyOptions, command: Command) =>
      run(command, (client) => schemaPolicy(io, client, topic, options)),
    );

  for (const [name, state, description] of [
    ['deprecate', 'deprecated', 'Lets publishers name a version only with a warning.'],
    ['close', 'closed', 'Refuses events that name a version; records that have it stay.'],
    ['reopen', 'active', 'Takes a version back into use.'],
  ] as const) {
    schema
      .command(name)
      .description(description)
      .argument('<topic>')
      .argument('<version>', 'the version', wholeNumber(1))
      .addOption(outputOption())
      .action((topic: string, version: number, options: OutputOptions, command: Command) =>
        run(command, (client) => setSchemaState(io, client, topic, version, state, options)),
      );
  }
}

function withCheckOptions(command: Command): Command {
  return command
    .addOption(new Option('--level <level>', "another level than the topic's, for this call").choices(levels))
    .addOption(readingOption())
    .option('--evidence <n>', 'validate so many of the newest retained events as well', wholeNumber(1, 1_000_000))
    .option('--accept-undecided', 'take what can be neither proved nor refuted as compatible')
    .option('--allow-anything', 'take a schema without any rule, which accepts anything')
    .addOption(outputOption());
}

function readingOption(): Option {
  return new Option(
    '--reading <reading>',
    'strict: undeclared properties may have held anything; declared: publishers sent only declared ones',
  ).choices(['strict', 'declared']);
}
