import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError } from '../ports/coordination.js';
import type { ActiveTopic } from '../topics/topic.js';
import { type OffsetRecord, offsetPath, readOffset, topicOffsetsPath, writeRecord } from './records.js';

export interface FirstPositionsOptions {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly subscriber: string;
  /** Where a subscriber starts that has no position in this topic yet: an offset for each partition. */
  initial(topic: ActiveTopic): Promise<ReadonlyMap<number, number>>;
}

/**
 * Sees to it that every partition of a topic has an offset record: so that a subscriber resumes where it began, even if it never commits, and
 * whichever streams own which partitions later. Nobody claims a partition of a topic in which one has none; hence, where one was ever
 * claimed, a partition without a record was added later, and starts at its beginning.
 *
 * Throws CoordinationErrors, and what `initial` throws.
 */
async function writeFirstPositions(
  { coordination, clock, subscriber, initial }: FirstPositionsOptions,
  topic: ActiveTopic,
): Promise<void> {
  const present = new Set(await coordination.children(topicOffsetsPath(subscriber, topic.name)));
  const all = Array.from({ length: topic.settings.partitions }, (_, partition) => partition);
  const missing = all.filter((partition) => !present.has(String(partition)));
  if (missing.length === 0) return;
  const found = await Promise.all(
    [...present].map((partition) => readOffset(coordination, subscriber, topic.name, Number(partition))),
  );
  const hasBegun = found.some((entry) => entry && entry.record.generation > 0);
  const start = hasBegun ? undefined : await initial(topic);
  await Promise.all(
    missing.map((partition) =>
      createOnce(coordination, offsetPath(subscriber, topic.name, partition), {
        incarnation: topic.incarnation,
        generation: 0,
        next: start?.get(partition) ?? 0,
        owner: undefined,
        earlier: [],
        committedAt: clock.wallTime(),
        claimedAt: undefined,
      }),
    ),
  );
}

/** The same, one at a time per topic: streams that start together would all write the same. */
export function firstPositionsInTurn(): typeof writeFirstPositions {
  const underWay = new Map<string, Promise<void>>();
  return async (options, topic) => {
    const key = `${topic.name}/${topic.incarnation}`;
    // What it fails on may concern only the stream that has tried.
    for (let before = underWay.get(key); before; before = underWay.get(key)) await before.catch(() => undefined);
    const writing = writeFirstPositions(options, topic).finally(() => underWay.delete(key));
    underWay.set(key, writing);
    return writing;
  };
}

/** Somebody else may be faster: then it is theirs that counts. */
async function createOnce(coordination: Coordination, path: readonly string[], record: OffsetRecord): Promise<void> {
  try {
    await coordination.create(path, writeRecord(record));
  } catch (error) {
    if (!(error instanceof CoordinationError && error.kind === 'exists')) throw error;
  }
}
