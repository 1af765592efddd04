import { BusError } from '../errors.js';
import { type Coordination, CoordinationError, type Entry } from '../ports/coordination.js';
import { type OffsetRecord, offsetPath, readOffsetRecord, writeRecord } from './records.js';

/** What a new owner takes over. */
export interface Claimed {
  readonly generation: number;
  /** By partition: where to go on. */
  readonly positions: ReadonlyMap<number, ClaimedPosition>;
}

export interface ClaimedPosition {
  readonly next: number;
  /** The committed offset of an earlier topic of the same name: it means nothing now. */
  readonly recreated?: number;
}

export interface ClaimRequest {
  readonly subscriber: string;
  readonly topic: string;
  readonly incarnation: string;
  readonly partitions: readonly number[];
  /** Where a subscriber starts that has no position in this topic yet. */
  initial(): Promise<ReadonlyMap<number, number>>;
  /** Asked before positions of another life of the topic are given up. Throws where the claimant's own is not the present one. */
  confirm(): Promise<void>;
  /** Whether the claimant still is the one to own the partitions: asked before each round. */
  entitled(): boolean;
}

const rounds = 20;

/**
 * Takes ownership: writes a larger generation into every offset record, each by compare-and-set, before anything is delivered. From
 * then on no earlier owner's commit can succeed. A subscriber's first start is written down here too, so that it resumes there even
 * if it never commits. Undefined if the claimant lost its title meanwhile. Throws CoordinationError and what `initial` and `confirm` throw.
 */
export async function claimPartitions(coordination: Coordination, request: ClaimRequest): Promise<Claimed | undefined> {
  for (let round = 0; round < rounds && request.entitled(); round++) {
    const claimed = await claimOnce(coordination, request);
    if (claimed) return claimed;
  }
  if (!request.entitled()) return undefined;
  throw new BusError(
    'COORDINATION_UNAVAILABLE',
    `the positions of ${request.subscriber} change too fast to be taken over`,
  );
}

async function claimOnce(coordination: Coordination, request: ClaimRequest): Promise<Claimed | undefined> {
  const { subscriber, topic, incarnation, partitions } = request;
  const path = (partition: number) => offsetPath(subscriber, topic, partition);
  const found = new Map<number, { entry: Entry; record: OffsetRecord }>();
  await Promise.all(
    partitions.map(async (partition) => {
      const entry = await coordination.get(path(partition));
      if (entry) found.set(partition, { entry, record: readOffsetRecord(entry.value) });
    }),
  );
  const records = [...found.values()].map(({ record }) => record);
  // Generation 0 is a first claim that never came to its end.
  const isNew = records.every((record) => record.generation === 0);
  const initial = isNew ? await request.initial() : undefined;
  if (records.some((record) => record.incarnation !== incarnation)) await request.confirm();
  const generation = 1 + records.reduce((largest, record) => Math.max(largest, record.generation), 0);

  const positions = new Map<number, ClaimedPosition>();
  for (const partition of partitions) {
    const record = found.get(partition)?.record;
    if (record && record.incarnation === incarnation) positions.set(partition, { next: record.next });
    // A partition without a record was added after the subscriber began: it starts at its beginning.
    else if (!record) positions.set(partition, { next: initial?.get(partition) ?? 0 });
    else positions.set(partition, { next: 0, recreated: record.next });
  }

  const missing = partitions.filter((partition) => !found.has(partition));
  const created = await Promise.all(
    missing.map((partition) =>
      createRecord(coordination, path(partition), {
        incarnation,
        generation: 0,
        next: positions.get(partition)?.next ?? 0,
      }),
    ),
  );
  if (created.includes(false)) return undefined;
  const outcomes = await coordination.setMany(
    partitions.map((partition) => ({
      path: path(partition),
      value: writeRecord({ incarnation, generation, next: positions.get(partition)?.next ?? 0 } satisfies OffsetRecord),
      version: found.get(partition)?.entry.version ?? 0,
    })),
  );
  for (const outcome of outcomes) {
    if (!('error' in outcome)) continue;
    if (outcome.error.kind === 'conflict' || outcome.error.kind === 'missing') return undefined;
    throw outcome.error;
  }
  return { generation, positions };
}

/** False if somebody else was faster. */
async function createRecord(
  coordination: Coordination,
  path: readonly string[],
  record: OffsetRecord,
): Promise<boolean> {
  try {
    await coordination.create(path, writeRecord(record));
    return true;
  } catch (error) {
    if (error instanceof CoordinationError && error.kind === 'exists') return false;
    throw error;
  }
}
