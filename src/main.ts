import { startApp } from './app/app.js';
import { banner } from './app/banner.js';
import type { Config } from './config/index.js';
import { createLogger } from './telemetry/logger.js';

/**
 * Runs a server until SIGTERM or SIGINT, and shuts it down in good order; a second signal ends the process at once. Rejects with what
 * is wrong, said for people, if it cannot start.
 */
export async function runServer(config: Config): Promise<void> {
  const logger = createLogger(config.logLevel);
  process.on('unhandledRejection', (error) => logger.error({ error }, 'a failure that nobody waited for'));
  const app = await startApp(config, logger);

  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    let first: NodeJS.Signals | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (first) process.exit(signal === 'SIGINT' ? 130 : 143);
        first = signal;
        resolve(signal);
      });
    }
  });

  try {
    const topics = await Promise.race([app.ready, signalled.then(() => undefined)]);
    if (topics) process.stdout.write(banner(app.address, config, topics));
    await signalled;
  } finally {
    await app.stop();
  }
}
