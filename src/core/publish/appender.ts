import { BusError } from '../errors.js';
import type { AppendRecord } from '../model.js';
import type { Appended, EventLog } from '../ports/event-log.js';
import type { ActiveTopic } from '../topics/topic.js';

/** An event that waits for its partition's appender. */
export interface Queued {
  readonly record: AppendRecord;
  readonly bytes: number;
  /** The life of the topic that the event was checked against: it is never stored in another. */
  readonly incarnation: string;
  /** Events of one group keep their order: when one of them fails, those behind it in the queue are withdrawn. */
  readonly group: object;
  /** Set to drop it from the queue; who sets it has settled the event already. */
  withdrawn: boolean;
  /** Called once, unless withdrawn before it was taken. */
  readonly done: (outcome: Appended | BusError) => void;
  /** Called once when nothing refers to the event's bytes any more. */
  readonly released: () => void;
}

/** How many records one append takes at most. */
const recordsPerBatch = 5_000;

/**
 * Appends to one partition, one batch at a time. What arrives while a batch is on its way makes up the next one
 * (natural batching): an idle partition writes at once, a busy one in large batches, and no timer is involved.
 */
export interface Appender {
  /** Adds events in this order, and starts if idle. */
  enqueue(events: readonly Queued[]): void;
  /** Resolves when nothing is queued or on its way; the appender is done with then. */
  readonly idle: Promise<void>;
}

/**
 * @param now the topic as it is now; undefined if there is none of that name any more
 * @param onIdle called when the queue has run empty: the next event gets a new appender
 */
export function createAppender(
  log: EventLog,
  topic: string,
  partition: number,
  now: () => ActiveTopic | undefined,
  onIdle: () => void,
): Appender {
  let queue: Queued[] = [];
  let head = 0;
  let running: Promise<void> | undefined;

  function take(): Queued[] {
    const batch: Queued[] = [];
    let bytes = 0;
    const current = now();
    while (head < queue.length && batch.length < recordsPerBatch) {
      const next = queue[head];
      if (!next) break;
      if (next.withdrawn) {
        head++;
        next.released();
        continue;
      }
      if (next.incarnation !== current?.incarnation) {
        head++;
        next.done(BusError.topicDeleted(topic));
        next.released();
        continue;
      }
      if (batch.length > 0 && bytes + next.bytes > current.maxBatchBytes) break;
      bytes += next.bytes;
      batch.push(next);
      head++;
    }
    if (head === queue.length) {
      queue = [];
      head = 0;
    } else if (head > 1024 && head * 2 > queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
    return batch;
  }

  async function run(): Promise<void> {
    for (let batch = take(); batch.length > 0; batch = take()) {
      try {
        const appended = await log.append(
          topic,
          partition,
          batch.map((queued) => queued.record),
          () => now()?.incarnation === batch[0]?.incarnation,
        );
        let offset = appended.baseOffset;
        for (const queued of batch) queued.done({ baseOffset: offset++, timestamp: appended.timestamp });
      } catch (error) {
        fail(batch, BusError.from(error));
      }
      for (const queued of batch) queued.released();
    }
    onIdle();
  }

  function fail(batch: readonly Queued[], error: BusError): void {
    const groups = new Set<object>();
    for (const queued of batch) {
      groups.add(queued.group);
      queued.done(error);
    }
    const behind = new BusError(
      'STREAM_HALTED',
      `not stored: an earlier event for partition ${partition} failed (${error.reason})`,
      {
        cause: error,
        retryAfterMs: error.retryAfterMs ?? 1000,
      },
    );
    for (let i = head; i < queue.length; i++) {
      const queued = queue[i];
      if (!queued || queued.withdrawn || !groups.has(queued.group)) continue;
      queued.withdrawn = true;
      queued.done(behind);
    }
  }

  return {
    enqueue(events) {
      for (const event of events) queue.push(event);
      running ??= run();
    },
    get idle() {
      return running ?? Promise.resolve();
    },
  };
}
