import { type Coordination, CoordinationError, type Path } from '../ports/coordination.js';
import { readAssignment, streamsPath, subscriberPath } from './records.js';

/**
 * Removes the empty parents that the streams of a deleted subscriber leave behind: a deletion cannot remove them while a stream is
 * still connected, so the last stream does it when it leaves. A subscriber that exists keeps everything.
 */
export async function removeEmptySubscriber(coordination: Coordination, subscriber: string): Promise<void> {
  if (await readAssignment(coordination, subscriber)) return;
  // A stream that joins meanwhile creates its parents again.
  await removeIfEmpty(coordination, streamsPath(subscriber));
  const own = await coordination.get(subscriberPath(subscriber));
  // A value means that a first stream is just creating the subscriber.
  if (own?.value.length === 0) await removeIfEmpty(coordination, subscriberPath(subscriber), own.version);
}

async function removeIfEmpty(coordination: Coordination, path: Path, version?: number): Promise<void> {
  try {
    await coordination.delete(path, version);
  } catch (error) {
    const isExpected = error instanceof CoordinationError && ['not_empty', 'missing', 'conflict'].includes(error.kind);
    if (!isExpected) throw error;
  }
}
