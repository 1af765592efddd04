import { startApp } from './app/app.js';
import { banner } from './app/banner.js';
import type { Config } from './config/index.js';
import { createLogger } from './telemetry/logger.js';

/**
 * Runs a server until `stopRequested` resolves, with the reason for the log, and shuts it down in good order. Rejects with what is wrong,
 * said for people, if it cannot start.
 */
export async function runServer(config: Config, stopRequested: Promise<string>): Promise<void> {
  const logger = createLogger(config.logLevel);
  process.on('unhandledRejection', (error) => logger.error({ error }, 'a failure that nobody waited for'));
  const app = await startApp(config, logger);
  let because: string | undefined;
  try {
    const topics = await Promise.race([app.ready, app.failed, stopRequested.then(() => undefined)]);
    if (topics) process.stdout.write(banner(app.address, config, topics));
    because = await Promise.race([stopRequested, app.failed]);
  } finally {
    await app.stop(because);
  }
}
