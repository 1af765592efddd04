import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import { declareReader } from '../readers/declare.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { Frame, SubscribeCommand } from './frames.js';

interface ReaderPorts {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly topics: Topics;
}

/**
 * The frames of a stream, which are held back until it is known what version it reads, if it says so. Throws SCHEMA_VERSION_NOT_FOUND, and
 * CoordinationErrors: a reader that is not known would not be named to those who change the schema.
 */
export function declared(
  ports: ReaderPorts,
  command: SubscribeCommand,
  topic: ActiveTopic,
  frames: AsyncGenerator<Frame, void, undefined>,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
  const { readerSchemaVersion: version } = command;
  return version === undefined ? frames : withDeclaration(ports, command, version, topic, frames, signal);
}

async function* withDeclaration(
  { coordination, clock, topics }: ReaderPorts,
  { subscriber }: SubscribeCommand,
  version: number,
  { name, incarnation, schemaVersions }: ActiveTopic,
  frames: AsyncGenerator<Frame, void, undefined>,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
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
  for await (const frame of frames) {
    if (frame.kind === 'ready') {
      const { streamId } = frame;
      await declareReader({ coordination, clock }, { topic: name, incarnation, version, subscriber, streamId }, signal);
    }
    yield frame;
  }
}
