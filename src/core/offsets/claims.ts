import type { ActiveTopic } from '../topics/topic.js';
import type { OffsetRecord, Versioned } from './records.js';

/** How many earlier generations of a partition that is kept still count. */
const mostEarlier = 16;

/** What is found out about a committed position before its partition is claimed, see `HandOverOptions.checkPosition`. */
export interface PositionCheck {
  readonly at: number | undefined;
  readonly epoch: number | undefined;
}

/** The record of a claim, and the position that it begins at. A position that the log has lost records before, or that is of another life, is moved. */
export function claimOf(
  { topic }: { readonly topic: ActiveTopic },
  found: Versioned<OffsetRecord> | undefined,
  { generation, owner, at }: { readonly generation: number; readonly owner: string; readonly at: number },
  check: PositionCheck | undefined,
) {
  const before = found?.record;
  const isSame = before?.incarnation === topic.incarnation;
  const next = isSame ? (check?.at ?? before.next) : 0;
  const record: OffsetRecord = {
    incarnation: topic.incarnation,
    generation,
    next,
    epoch: check?.epoch,
    owner,
    earlier: [],
    committedAt: before?.committedAt,
    claimedAt: at,
    attempts: isSame && check?.at === undefined ? before.attempts : undefined,
  };
  const truncated = isSame && check?.at !== undefined ? before.next : undefined;
  const recreated = isSame ? undefined : before?.next;
  return { record, version: found?.version ?? 0, next, recreated, truncated, attempts: record.attempts };
}

/** Whether somebody has claimed it by a later assignment. */
export function isNewer(record: OffsetRecord | undefined, generation: number): boolean {
  return record !== undefined && record.generation > generation;
}

export function stamped(record: OffsetRecord, generation: number): OffsetRecord {
  return { ...record, generation, earlier: [...record.earlier, record.generation].slice(-mostEarlier) };
}
