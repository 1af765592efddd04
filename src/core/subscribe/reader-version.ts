import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import { declareReader } from '../readers/declare.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { SubscribeCommand } from './frames.js';

interface ReaderPorts {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly topics: Topics;
}

/**
 * Sees to it that a topic has the version that a stream says it reads. Undefined: it says none. What is returned makes it known, which has to be done
 * before anything is sent: a reader that is not known would not be named to those who change the schema. Throws SCHEMA_VERSION_NOT_FOUND, and CoordinationErrors.
 */
export async function readerDeclaration(
  { coordination, clock, topics }: ReaderPorts,
  { readerSchemaVersion: version, subscriber }: SubscribeCommand,
  { name, incarnation, schemaVersions }: ActiveTopic,
): Promise<((streamId: string, signal: AbortSignal) => Promise<void>) | undefined> {
  if (version === undefined) return undefined;
  if (!schemaVersions.includes(version)) {
    const now = await topics.require(name, version);
    if (!now.schemaVersions.includes(version)) {
      throw new BusError(
        'SCHEMA_VERSION_NOT_FOUND',
        `topic ${name} has no schema version ${version} that a reader could read`,
        {
          metadata: { topic: name },
        },
      );
    }
  }
  return (streamId, signal) =>
    declareReader({ coordination, clock }, { topic: name, incarnation, version, subscriber, streamId }, signal);
}
