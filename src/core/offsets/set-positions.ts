import { BusError } from '../errors.js';
import { type Coordination, CoordinationError } from '../ports/coordination.js';
import { keyOf, type PartitionOf } from './hand-over.js';
import { type StreamOf, streamIsOver } from './keep-alive.js';
import {
  readAssignment,
  readStreamRecord,
  requireSubscriber,
  type StreamRecord,
  streamPath,
  writeRecord,
} from './records.js';

const attempts = 5;

/** The record of a stream that takes positions. Throws FENCED, SUBSCRIBER_NOT_FOUND, INVALID_REQUEST, CoordinationErrors. */
export async function readPositionedStream(coordination: Coordination, of: StreamOf): Promise<StreamRecord> {
  return (await readEntry(coordination, of)).record;
}

/**
 * Writes positions into the record of a stream that another instance serves, which watches it. What is written there for partitions that the stream
 * owns no more goes with the next write: the record is no longer than what one stream owns.
 *
 * Throws FENCED where the stream does not own one of the partitions under this generation, and as above.
 */
export async function writeSetPositions(
  coordination: Coordination,
  of: StreamOf,
  positions: readonly (PartitionOf & { readonly next: number })[],
): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const assignment = await readAssignment(coordination, of.subscriber);
    if (!assignment) await requireSubscriber(coordination, of.subscriber);
    const share = assignment?.record.members.get(of.streamId);
    const owns = ({ topic, partition }: PartitionOf) => share?.partitions.get(topic.name)?.includes(partition) === true;
    if (!share || of.generation > share.generation || !positions.every(owns)) throw streamIsOver(of);
    const { record, version } = await readEntry(coordination, of);
    const byKey = new Map(
      (record.positions ?? [])
        .filter(({ key }) => [...share.partitions.keys()].some((topic) => key.startsWith(`${topic}/`)))
        .map((position) => [position.key, position]),
    );
    for (const { topic, partition, next } of positions) {
      const key = keyOf(topic, partition);
      byKey.set(key, { key, next, generation: of.generation });
    }
    const value = writeRecord({ ...record, positions: [...byKey.values()] });
    try {
      await coordination.set(streamPath(of.subscriber, of.streamId), value, version);
      return;
    } catch (error) {
      if (error instanceof CoordinationError && error.kind === 'missing') throw streamIsOver(of);
      if (!(error instanceof CoordinationError && error.kind === 'conflict')) throw error;
    }
  }
  throw new CoordinationError('unavailable', `the record of the stream ${of.streamId} changes too fast`);
}

async function readEntry(coordination: Coordination, of: StreamOf) {
  const entry = await coordination.get(streamPath(of.subscriber, of.streamId));
  if (!entry) {
    await requireSubscriber(coordination, of.subscriber);
    throw streamIsOver(of);
  }
  const record = readStreamRecord(entry.value);
  if (record.takesPositions === undefined) throw takesNone(of.streamId);
  return { record, version: entry.version };
}

/** INVALID_REQUEST. */
export function takesNone(streamId: string): BusError {
  return new BusError(
    'INVALID_REQUEST',
    `the stream ${streamId} begins at the committed positions: ask for positions_from CLIENT when it is opened`,
  );
}
