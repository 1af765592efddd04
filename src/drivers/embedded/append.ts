import { BusError } from '../../core/errors.js';
import { type AppendRecord, recordBytes } from '../../core/model.js';
import type { Appended } from '../../core/ports/event-log.js';
import { encodeBatch } from './batch-format.js';
import { type BatchFacts, batchKey } from './batch-key.js';
import type { Epochs } from './epochs.js';
import type { SpaceLimit } from './space-limit.js';
import type { Store } from './store.js';
import type { Partition } from './topic.js';
import { describe, notFound } from './topic-catalog.js';
import type { WriteFailure } from './write-failure.js';

/** Appends one batch: resolves when it is durable, after telling the partition's followers. */
export function appendBatch(
  store: Store,
  space: SpaceLimit,
  partition: Partition,
  records: readonly AppendRecord[],
  clock: () => number,
  epochs: Epochs,
): Promise<Appended> {
  const { topic } = partition;
  let weight = 0;
  for (const record of records) weight += recordBytes(record);
  const { maxBatchBytes } = describe(topic);
  if (weight > maxBatchBytes) {
    const message = `${records.length} records of ${weight} bytes together: topic ${topic.name} takes at most ${maxBatchBytes}`;
    return Promise.reject(new BusError('EVENT_TOO_LARGE', message));
  }
  if (records.length === 0) return Promise.resolve({ baseOffset: partition.next, timestamp: partition.lastTimestamp });
  const batch = encodeBatch(records);
  const tooFull = space.refusal(batch.length);
  if (tooFull !== undefined) return Promise.reject(tooFull);

  return new Promise((resolve, reject) => {
    let facts: BatchFacts | undefined;
    store.queue.submit({
      bytes: batch.length,
      grows: true,
      plan() {
        if (topic.gone) {
          reject(notFound(topic.name));
          return 'refused';
        }
        const { planned } = partition;
        facts = {
          baseOffset: planned.next,
          timestamp: Math.max(Math.floor(clock()), planned.lastTimestamp),
          count: records.length,
          bytes: batch.length,
          bytesSoFar: planned.bytesSoFar + batch.length,
        };
        const { timestamp, bytesSoFar } = facts;
        partition.planned = { next: planned.next + records.length, lastTimestamp: timestamp, bytesSoFar };
        const key = batchKey(topic.number, partition.number, facts);
        return [{ database: store.batches, key, value: batch }, ...epochs.begin(partition, facts.baseOffset)];
      },
      committed() {
        if (facts === undefined) return;
        space.stored(facts.bytes);
        epochs.begun(partition);
        partition.next = facts.baseOffset + facts.count;
        partition.lastTimestamp = facts.timestamp;
        partition.bytesSoFar = facts.bytesSoFar;
        for (const follower of partition.followers) follower.appended(facts, batch);
        resolve({ baseOffset: facts.baseOffset, timestamp: facts.timestamp });
      },
      failed(failure) {
        const { next, lastTimestamp, bytesSoFar } = partition;
        partition.planned = { next, lastTimestamp, bytesSoFar };
        if (failure.kind === 'full') space.wasFull();
        reject(appendError(failure));
      },
      uncertain: (failure) => reject(appendError(failure)),
    });
  });
}

const reasons = { full: 'STORAGE_FULL', refused: 'LOG_UNAVAILABLE', unknown: 'STORE_OUTCOME_UNKNOWN' } as const;

const appendError = (failure: WriteFailure) =>
  new BusError(reasons[failure.kind], failure.message, { cause: failure.cause });
