import type { Command } from 'commander';
import { asJson } from '../../client/index.js';
import { type GlobalOptions, withClient } from '../connect.js';
import type { Io } from '../io.js';
import { outputOption } from '../output-option.js';
import { type OutputOptions, print, printJson } from '../print.js';
import { safeText } from '../safe-text.js';
import { plainTable } from '../table.js';
import { formatCount } from '../values.js';

export function addCursors(program: Command, io: Io): void {
  program
    .command('cursors')
    .summary('compare cursors')
    .command('distance')
    .description('Shows how far two cursors are apart, by partition and in all.')
    .argument('<from>', 'a cursor')
    .argument('<to>', 'another one')
    .addOption(outputOption())
    .action(async (from: string, to: string, options: OutputOptions, command: Command) => {
      await withClient(io, command.optsWithGlobals<GlobalOptions>(), 'connect', async (client) => {
        const distance = await client.compareCursors(from, to, { signal: io.interrupted });
        if (options.output === 'json') return printJson(io, asJson(distance));
        const table = plainTable(['topic', 'partition', 'from', 'to', 'distance']);
        for (const each of distance.partitions) {
          const offsets = [each.fromOffset, each.toOffset, each.distance].map((offset) => `${offset ?? 0n}`);
          table.push([safeText(each.topic), `${each.partition ?? 0}`, ...offsets]);
        }
        await print(io, `${table}\ntotal ${formatCount(Number(distance.total ?? 0n))}`);
      });
    });
}
