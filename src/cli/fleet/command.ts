import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { asJson, type MainstemClient } from '../../client/index.js';
import { type GlobalOptions, withClient } from '../connect.js';
import type { Io } from '../io.js';
import { outputOption } from '../output-option.js';
import { confirm, type OutputOptions, print, printJson } from '../print.js';
import { safeText } from '../safe-text.js';
import { plainTable } from '../table.js';

type Fleet = Awaited<ReturnType<MainstemClient['fleet']['get']>>;

export function addFleet(program: Command, io: Io): void {
  const fleet = program
    .command('fleet')
    .summary('show the instances, and let them write the present formats')
    .description('The instances that share one coordination, and the formats that they write.');
  const run = (command: Command, work: (client: MainstemClient) => Promise<void>) =>
    withClient(io, command.optsWithGlobals<GlobalOptions>(), 'connect', work);

  fleet
    .command('show')
    .description('Shows the format level, and which instances have registered.')
    .addOption(outputOption())
    .action((options: OutputOptions, command: Command) =>
      run(command, async (client) => show(io, await client.fleet.get({ signal: io.interrupted }), options)),
    );

  fleet
    .command('upgrade')
    .description(
      'Lets the fleet write the present formats, and from then on raise the level by itself. Once, and only when no instance of version 1606b0d or older runs any ' +
        'more: such an instance does not register, and cannot read what is written afterwards.',
    )
    .option('--yes', 'do not ask')
    .addOption(outputOption())
    .action((options: OutputOptions & { yes?: boolean }, command: Command) =>
      run(command, async (client) => {
        const consequence = 'lets the fleet write formats that instances of version 1606b0d and older cannot read';
        if (!options.yes) await confirm(io, 'fleet', consequence);
        await show(io, await client.fleet.upgrade({ signal: io.interrupted }), options);
      }),
    );
}

async function show(io: Io, fleet: Fleet, options: OutputOptions): Promise<void> {
  if (options.output === 'json') return printJson(io, asJson(fleet));
  const table = plainTable(['instance', 'understands level', 'since']);
  for (const { name, understands, since } of fleet.instances) {
    table.push([safeText(name), understands, since === undefined ? '' : timestampDate(since).toISOString()]);
  }
  const how = fleet.automatic ? 'raised by itself' : 'kept until `mainstem fleet upgrade`';
  await print(io, `format level ${fleet.formatLevel}, ${how}\n\n${table.toString()}`);
}
