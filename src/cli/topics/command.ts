import { type Command, InvalidArgumentError } from 'commander';
import type { MainstemClient } from '../../client/index.js';
import { type GlobalOptions, withClient } from '../connect.js';
import type { Io } from '../io.js';
import { outputOption } from '../output-option.js';
import type { OutputOptions } from '../print.js';
import { durationMs, sizeBytes, wholeNumber } from '../values.js';
import { type CreateOptions, createTopic, type DeleteOptions, deleteTopic, listTopics, showTopic } from './actions.js';
import { applyTopics } from './apply.js';

/** As `durationMs`; there is no window for ever. */
function windowMs(text: string): number {
  if (text === 'forever') throw new InvalidArgumentError('It takes a duration such as 10m, at most 7d; 0 is off.');
  return durationMs(text);
}

export function addTopics(program: Command, io: Io): void {
  const topics = program.command('topics').summary('list, show, create, apply and delete topics');
  topics.description('Manages topics.');
  const run = (command: Command, work: (client: MainstemClient) => Promise<void>) =>
    withClient(io, command.optsWithGlobals<GlobalOptions>(), 'connect', work);

  topics
    .command('list')
    .description('Lists the topics, those that the bus does not manage included.')
    .addOption(outputOption())
    .action((options: OutputOptions, command: Command) => run(command, (client) => listTopics(io, client, options)));

  topics
    .command('show')
    .description('Tells all about one topic.')
    .argument('<name>')
    .addOption(outputOption())
    .action((name: string, options: OutputOptions, command: Command) =>
      run(command, (client) => showTopic(io, client, name, options)),
    );

  topics
    .command('create')
    .description('Creates a topic, or adopts one that exists in Kafka.')
    .argument('<name>')
    .option('--partitions <n>', '1 to 1000; default 1', wholeNumber(1, 1000))
    .option('--schemaless', 'take any JSON')
    .option('--schema <file>', 'the JSON Schema that every event must meet')
    .option('--retention <duration>', 'keep events at least so long: 12h, 7d, forever; default 7d', durationMs)
    .option('--retention-bytes <size>', 'keep at least so much of each partition: 10GiB; default no limit', sizeBytes)
    .option('--max-event-bytes <size>', 'the largest payload, 1KiB to 8MiB; default 1MiB', sizeBytes)
    .option('--key-pointer <pointer>', 'JSON Pointer to the value that is the key of events without one: /customer/id')
    .option('--key-required', 'refuse events without a key')
    .option(
      '--dedupe-window <duration>',
      'recognise events that are sent again so long: 10m (default); 0 is off',
      windowMs,
    )
    .option(
      '--dedupe-entries <n>',
      'among so many of the newest events; default 1000000',
      wholeNumber(1_000, 100_000_000),
    )
    .option('--replication-factor <n>', 'brokers that hold each partition', wholeNumber(1, 32767))
    .option('--min-insync-replicas <n>', 'brokers that must have an event to acknowledge it', wholeNumber(1, 32767))
    .option('--adopt', 'the topic exists in Kafka: manage it from now on')
    .option('--allow-anything', 'take a schema without any rule, which accepts anything')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  $ mainstem topics create clicks --schemaless --partitions 4
  $ mainstem topics create orders --schema order.json --retention 30d --key-pointer /customer`,
    )
    .action((name: string, options: CreateOptions, command: Command) =>
      run(command, (client) => createTopic(io, client, name, options)),
    );

  topics
    .command('apply')
    .description('Makes the topics as a directory of topic files describes them; the same twice changes nothing.')
    .argument('<dir>')
    .addOption(outputOption())
    .action((dir: string, options: OutputOptions, command: Command) =>
      run(command, (client) => applyTopics(io, client, dir, options)),
    );

  topics
    .command('delete')
    .description('Deletes a topic and its events. Refused while subscribers have streams of it, unless --force.')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .option('--force', 'also while subscribers have streams of it: the streams end')
    .addOption(outputOption())
    .action((name: string, options: DeleteOptions, command: Command) =>
      run(command, (client) => deleteTopic(io, client, name, options)),
    );
}
