import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError } from '../ports/coordination.js';
import { readAssignment, readStreamRecord, requireSubscriber, streamPath, writeRecord } from './records.js';

/** What names a stream of a subscriber from outside, with the fence. */
export interface StreamOf {
  readonly subscriber: string;
  readonly streamId: string;
  readonly generation: number;
}

/** One sign of life is written per second at most: more would tell nothing new. */
const leastMs = 1_000;

/**
 * Writes down, for the instance that serves a stream, that its consumer lives. The instance looks there before it gives the stream's partitions up.
 *
 * Throws FENCED where the stream owns nothing any more, SUBSCRIBER_NOT_FOUND, CoordinationErrors.
 */
export async function writeKeepAlive(coordination: Coordination, clock: Clock, of: StreamOf): Promise<void> {
  const { subscriber, streamId } = of;
  await requireOwner(coordination, of);
  const entry = await coordination.get(streamPath(subscriber, streamId));
  if (!entry) throw streamIsOver(of);
  const record = readStreamRecord(entry.value);
  const now = clock.wallTime();
  if (record.aliveAt !== undefined && Math.abs(now - record.aliveAt) < leastMs) return;
  try {
    await coordination.set(streamPath(subscriber, streamId), writeRecord({ ...record, aliveAt: now }), entry.version);
  } catch (error) {
    if (error instanceof CoordinationError && error.kind === 'missing') throw streamIsOver(of);
    // Another call has just written the same.
    if (!(error instanceof CoordinationError && error.kind === 'conflict')) throw error;
  }
}

/** When the consumer of a stream was last said to live, at any instance; milliseconds since 1970, 0 for never. */
export async function keptAliveAt(coordination: Coordination, subscriber: string, streamId: string): Promise<number> {
  const entry = await coordination.get(streamPath(subscriber, streamId));
  return (entry && readStreamRecord(entry.value).aliveAt) ?? 0;
}

/** Throws FENCED unless the stream owns partitions, under this generation or one that came after it. */
async function requireOwner(coordination: Coordination, of: StreamOf): Promise<void> {
  const found = await readAssignment(coordination, of.subscriber);
  if (!found) await requireSubscriber(coordination, of.subscriber);
  const share = found?.record.members.get(of.streamId);
  if (!share || share.partitions.size === 0) throw streamIsOver(of);
  if (of.generation > share.generation) throw streamIsOver(of);
}

/** FENCED. */
export function streamIsOver({ subscriber, streamId, generation }: StreamOf): BusError {
  return new BusError(
    'FENCED',
    `the stream ${streamId} of ${subscriber} owns nothing under generation ${generation}: it has ended, or other streams have its partitions`,
    { metadata: { subscriber, stream_id: streamId } },
  );
}
