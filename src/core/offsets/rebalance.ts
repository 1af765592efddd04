import { assign, type PartitionSet } from './assign.js';
import type { AssignmentRecord, MemberShare } from './records.js';

/** What is known when partitions are divided anew. */
export interface Situation {
  /** The streams that are connected, each with the topics that it may own partitions of. */
  readonly streams: ReadonlyMap<string, ReadonlySet<string>>;
  /** How many partitions each topic has. */
  readonly topics: ReadonlyMap<string, number>;
}

/**
 * The record that follows from the situation; undefined where the record says that already. A stream that gains a partition gets a generation
 * of its own; one that only loses keeps its generation. Whoever writes it by compare-and-set decides for all.
 */
export function rebalance(record: AssignmentRecord, { streams, topics }: Situation): AssignmentRecord | undefined {
  const { members } = record;
  const candidates = [...streams].map(([id, names]) => ({ id, topics: names, yields: members.get(id)?.yields }));
  const previous = new Map([...members].map(([id, { partitions }]) => [id, partitions]));
  let { next } = record;
  let changed = members.size !== streams.size;
  const after = new Map<string, MemberShare>();
  for (const [id, partitions] of assign(candidates, topics, previous)) {
    const before = members.get(id);
    const gains = !covers(before?.partitions, partitions);
    if (!before || gains || !covers(partitions, before.partitions)) changed = true;
    const generation = gains ? next++ : (before?.generation ?? 0);
    after.set(id, { generation, partitions, yields: before?.yields ?? false });
  }
  return changed ? { ...record, next, members: after } : undefined;
}

/** Gives a stream a new generation, above one that was found in an offset record though the record of the assignment knows nothing of it. */
export function regenerate(record: AssignmentRecord, streamId: string, above: number): AssignmentRecord {
  const share = record.members.get(streamId);
  const generation = Math.max(record.next, above + 1);
  if (!share) return record;
  return {
    ...record,
    next: generation + 1,
    members: new Map([...record.members, [streamId, { ...share, generation }]]),
  };
}

/** Takes streams out, as if they had never been there. */
export function without(record: AssignmentRecord, streamIds: ReadonlySet<string>): AssignmentRecord {
  return { ...record, members: new Map([...record.members].filter(([id]) => !streamIds.has(id))) };
}

function covers(owned: PartitionSet | undefined, wanted: PartitionSet): boolean {
  return [...wanted].every(([topic, partitions]) => {
    const had = new Set(owned?.get(topic));
    return partitions.every((partition) => had.has(partition));
  });
}
