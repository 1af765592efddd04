import type { Command } from 'commander';
import type { Config } from '../config/index.js';
import { exitCodes, type Io, writeOut } from './io.js';
import { isStopRequest } from './process/stop-request.js';
import { plainTable } from './table.js';

/** Adds `serve`; its flags, one for each setting, only `withFlags`: no other command should pay for loading the settings. */
export async function addServe(program: Command, io: Io, withFlags: boolean): Promise<void> {
  const settings = withFlags ? (await import('../config/index.js')).describeConfig() : [];
  const serve = program
    .command('serve')
    .summary('run a server')
    .description(
      'Runs a server. A flag wins over its environment variable, that over the configuration file, that over the default.',
    )
    .option('--config <file>', 'a configuration file (env MAINSTEM_CONFIG)')
    .option('--print-config', 'print the settings and where they come from, without secrets, and end');
  for (const setting of settings) {
    const value = setting.isSwitch ? '' : ` <${setting.unit ?? 'value'}>`;
    const fallback = setting.default === undefined ? '' : `, default ${setting.default}`;
    serve.option(`${setting.flag}${value}`, `${setting.description} (env ${setting.variable}${fallback})`);
  }
  serve
    .addHelpText(
      'after',
      `
Examples:
  $ mainstem serve
  $ mainstem serve --port 9000 --log embedded:/var/lib/mainstem
  $ mainstem serve --log kafka://localhost:9092 --coordination zookeeper://localhost:2181/mainstem --print-config`,
    )
    .action(async ({ printConfig, ...flags }: { printConfig?: boolean } & Record<string, unknown>) => {
      // First of all: a signal that comes while the server starts must not be lost.
      const stopRequested = requestOf(io.interrupted);
      const { loadConfig } = await import('../config/index.js');
      const config = loadConfig({ flags, env: io.env, cwd: io.cwd });
      if (printConfig) {
        await print(io, config);
        return;
      }
      const { runServer } = await import('../main.js');
      await runServer(config, stopRequested);
      // A connection that is still closing must not keep a process whose log says that it has stopped.
      process.exit(exitCodes.ok);
    });
}

/** Resolves with the reason once the process is asked to stop. */
function requestOf(interrupted: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const tell = () => resolve(isStopRequest(interrupted.reason) ? interrupted.reason.because : 'it was interrupted');
    if (interrupted.aborted) tell();
    else interrupted.addEventListener('abort', tell, { once: true });
  });
}

async function print(io: Io, config: Config): Promise<void> {
  const { maskConfig } = await import('../config/index.js');
  const table = plainTable(['setting', 'value', 'from']);
  for (const { name, value, source } of maskConfig(config)) table.push([name, value ?? '', source]);
  await writeOut(io.stdout, `${table.toString()}\n`);
}
