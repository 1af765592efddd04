import { type Command, InvalidArgumentError } from 'commander';
import { asJson, type MainstemClient, type StreamPosition } from '../../client/index.js';
import type { Io } from '../io.js';
import { outputOption } from '../output-option.js';
import { type OutputOptions, print, printJson } from '../print.js';
import { safeText } from '../safe-text.js';
import { UsageError } from '../usage-error.js';
import { wholeNumber } from '../values.js';

interface CommitOptions extends OutputOptions {
  readonly generation: number;
  readonly cursor?: string;
  readonly position?: readonly StreamPosition[];
}

/** `subscribers commit`: for consumers that are scripts. */
export function addCommit(
  subscribers: Command,
  io: Io,
  run: (command: Command, work: (client: MainstemClient) => Promise<void>) => Promise<void>,
): void {
  subscribers
    .command('commit')
    .description('Commits a cursor or positions of a stream: the next stream of the subscriber goes on there.')
    .argument('<name>')
    .requiredOption('--generation <n>', "of the stream's assignment", wholeNumber(0))
    .option('--cursor <cursor>', 'everything before it is processed')
    .option(
      '--position <position>',
      'topic/incarnation/partition/next offset; may be repeated',
      (text, before: readonly StreamPosition[] | undefined) => [...(before ?? []), position(text)],
    )
    .addOption(outputOption())
    .action((subscriber: string, options: CommitOptions, command: Command) =>
      run(command, (client) => commit(io, client, subscriber, options)),
    );
}

async function commit(
  io: Io,
  client: MainstemClient,
  subscriber: string,
  { generation, cursor, position: positions, output }: CommitOptions,
): Promise<void> {
  if (cursor === undefined && positions === undefined) {
    throw new UsageError('give --cursor, --position, or both: otherwise there is nothing to commit');
  }
  const input = { subscriber, cursor, positions, generation: BigInt(generation) };
  const committed = await client.commit(input, { signal: io.interrupted });
  if (output === 'json') return printJson(io, committed.map(asJson));
  const lines = committed.map(
    ({ topic, partition = 0, nextOffset = 0n }) => `${safeText(topic)}/${partition}: goes on at ${nextOffset}`,
  );
  await print(io, lines.join('\n'));
}

/** `orders/3f2a…/0/17`. */
function position(text: string): StreamPosition {
  const [, topic, incarnation, partition, next] = /^([^/]+)\/([^/]+)\/(\d+)\/(\d+)$/.exec(text) ?? [];
  if (topic !== undefined && incarnation !== undefined && next !== undefined)
    return { topic, incarnation, partition: Number(partition), nextOffset: BigInt(next) };
  throw new InvalidArgumentError('A position is topic/incarnation/partition/next offset.');
}
