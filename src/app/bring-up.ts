import { existsSync } from 'node:fs';
import pRetry from 'p-retry';
import { type Config, ConfigError, readTopicFiles, type TopicFile } from '../config/index.js';
import { BusError } from '../core/errors.js';
import type { Fleet } from '../core/fleet/index.js';
import type { TopicsService } from '../core/topics/index.js';
import type { Logger } from '../telemetry/logger.js';

/** The topic files of the schemas directory. Throws a ConfigError where they are wrong, or a named directory is missing. */
export async function topicFilesOf({ schemas }: Config): Promise<readonly TopicFile[]> {
  if (existsSync(schemas.directory)) return readTopicFiles(schemas.directory);
  if (!schemas.required) return [];
  throw new ConfigError(`schemas: there is no directory ${schemas.directory}`);
}

/**
 * Brings the bus up: registers with the fleet, loads the topics, then applies the topic files; returns the names of the topics. Waits for what is away, for ever and saying so through the drivers'
 * status; throws where waiting does not help, such as a schema that has changed under its version.
 */
export async function bringUp(
  { topics, fleet }: { readonly topics: TopicsService; readonly fleet: Fleet },
  files: readonly TopicFile[],
  logger: Logger,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await untilUp(() => fleet.start(), signal);
  if (fleet.notice !== undefined) logger.warn(fleet.notice);
  await untilUp(() => topics.start(), signal);
  for (const file of files) {
    const { changes, warnings } = await untilUp(() => topics.apply(file), signal).catch((error: unknown) => {
      if (error instanceof BusError)
        throw new BusError(error.reason, `schemas/${file.name}: ${error.message}`, { cause: error });
      throw error;
    });
    if (changes.length > 0) logger.info({ topic: file.name, changes }, 'topic applied');
    for (const warning of warnings) logger.warn({ topic: file.name }, warning);
  }
  for (const warning of topics.warnings()) logger.warn(warning);
  // The log has its part in the list, and may be away although coordination is there.
  const listed = await untilUp(() => topics.list(), signal);
  return listed.filter(({ state }) => state === 'active').map(({ name }) => name);
}

function untilUp<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return pRetry(act, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 200,
    maxTimeout: 2_000,
    signal,
    shouldRetry: ({ error }) => error instanceof BusError && error.retryable,
  });
}
