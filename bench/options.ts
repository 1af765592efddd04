import { parseArgs } from 'node:util';
import { cells } from './cells/index.js';
import type { Pair } from './stage.js';

export interface Options {
  readonly cells: readonly string[];
  readonly pairs: readonly Pair[];
  readonly rounds: number;
  /** Measured time of each subject in each variant, over all rounds. */
  readonly seconds: number;
  readonly output: string;
  readonly compare: string | undefined;
  readonly write: boolean;
  /** Where CPU profiles of the server's slices go. */
  readonly profile: string | undefined;
}

export const usage = `usage: npm run bench -- [cell ...] [options]
  --pair embedded|cluster   default: both
  --seconds N               measured time of each side of a cell, over all rounds; default 5
  --rounds N                how many interleaved rounds this is split into; default 5
  --output FILE             the run as JSON; default .cache/bench/last.json
  --compare FILE            shows the change against an earlier run
  --write                   puts the table into bench/RESULTS.md; cells that were not run keep their figures
  --profile DIRECTORY       CPU profiles of each slice of the server (slower: not for judging)
cells:
${cells.map(({ name, describes }) => `  ${name.padEnd(18)} ${describes}`).join('\n')}
`;

/** Throws a TypeError with what is wrong. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      pair: { type: 'string' },
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '5' },
      output: { type: 'string', default: '.cache/bench/last.json' },
      compare: { type: 'string' },
      write: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  for (const name of positionals) {
    if (!cells.some((cell) => cell.name === name)) throw new TypeError(`there is no cell ${name}`);
  }
  const { pair, output, compare, write, profile } = values;
  if (pair !== undefined && pair !== 'embedded' && pair !== 'cluster')
    throw new TypeError('--pair is embedded or cluster');
  return {
    cells: positionals.length > 0 ? positionals : cells.map(({ name }) => name),
    pairs: pair === undefined ? ['embedded', 'cluster'] : [pair],
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    output,
    compare,
    write,
    profile,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`--${name} is a number above 0`);
  return value;
}
