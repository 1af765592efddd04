import type { DedupeWindows } from '../dedupe/windows.js';
import { BusError } from '../errors.js';
import { type AppendRecord, recordBytes } from '../model.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { Appended, EventLog } from '../ports/event-log.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { Part, Run, Stretch } from './run.js';
import { type Sifted, sift } from './sift.js';

/** How many records one append takes at most. */
const recordsPerBatch = 5_000;
/** How long an append is tried where no setting says otherwise. */
const defaultAppendTimeoutMs = 15_000;

/**
 * Appends to one partition, one batch at a time. What arrives while a batch is on its way makes up the next one
 * (natural batching): an idle partition writes at once, a busy one in large batches, and no timer is involved.
 */
export interface Appender {
  /** Adds a run, and starts if idle. */
  enqueue(run: Run): void;
  /** Resolves when nothing is queued or on its way; the appender is done with then. */
  readonly idle: Promise<void>;
}

export interface AppenderPorts {
  readonly log: EventLog;
  readonly windows?: DedupeWindows;
  readonly clock?: Clock;
  /** Default 15,000. */
  readonly appendTimeoutMs?: number;
}

/**
 * @param now the topic as it is now; undefined if there is none of that name any more
 * @param onIdle called when the queue has run empty: the next run gets a new appender
 */
export function createAppender(
  { log, windows, clock = systemClock, appendTimeoutMs = defaultAppendTimeoutMs }: AppenderPorts,
  topic: string,
  partition: number,
  now: () => ActiveTopic | undefined,
  onIdle: () => void,
): Appender {
  let queue: Run[] = [];
  let head = 0;
  /** How much of the run at the head was taken already. */
  let taken = { records: 0, bytes: 0 };
  let running: Promise<void> | undefined;

  function take(): Part[] {
    const parts: Part[] = [];
    let records = 0;
    let bytes = 0;
    const current = now();
    while (head < queue.length && records < recordsPerBatch) {
      const run = queue[head];
      if (!run) break;
      if (run.withdrawn || run.incarnation !== current?.incarnation) {
        if (!run.withdrawn) run.done(taken.records, run.records.length, BusError.topicDeleted(topic));
        run.released(run.bytes - taken.bytes);
        next();
        continue;
      }
      const part = cut(run, recordsPerBatch - records, current.maxBatchBytes - bytes, records === 0);
      if (part.to === part.from) break;
      parts.push(part);
      records += part.to - part.from;
      bytes += part.bytes;
      if (part.to === run.records.length) next();
      else taken = { records: part.to, bytes: taken.bytes + part.bytes };
    }
    if (head === queue.length) {
      queue = [];
      head = 0;
    } else if (head > 1024 && head * 2 > queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
    return parts;
  }

  function next(): void {
    head++;
    taken = { records: 0, bytes: 0 };
  }

  /** As much of what is left of the run at the head as there is room for; at least one record if `isFirst`. */
  function cut(run: Run, records: number, bytes: number, isFirst: boolean): Part {
    const from = taken.records;
    const left = run.bytes - taken.bytes;
    if (run.records.length - from <= records && left <= bytes) {
      return { run, from, to: run.records.length, bytes: left };
    }
    let to = from;
    let sum = 0;
    for (; to < run.records.length && to - from < records; to++) {
      const record = run.records[to];
      const more = record ? recordBytes(record) : 0;
      if (sum + more > bytes && !(isFirst && to === from)) break;
      sum += more;
    }
    return { run, from, to, bytes: sum };
  }

  /** What to append of the parts, and what follows from it. */
  function batchOf(parts: readonly Part[]): Sifted {
    const current = parts.some(({ run }) => run.identified) ? now() : undefined;
    const window = current && windows?.of(current, partition);
    return window
      ? sift(parts, window, partition)
      : { records: recordsOf(parts), refused: [], settle: settleAll(parts) };
  }

  /** Without identities there is nothing to wait for. */
  function settleAll(parts: readonly Part[]): Sifted['settle'] {
    return async ({ baseOffset, timestamp }) => {
      let offset = baseOffset;
      for (const part of parts) {
        part.run.done(part.from, part.to, { baseOffset: offset, timestamp });
        offset += part.to - part.from;
      }
      windows?.find(topic, partition)?.passed(baseOffset, offset - baseOffset);
    };
  }

  /** As long as one of the callers waits, and no longer than an append may take. */
  function patienceFor(parts: readonly Part[]): number {
    let patience = 0;
    for (const { run } of parts) {
      patience = Math.max(patience, run.timeLeft?.() ?? appendTimeoutMs);
      if (patience >= appendTimeoutMs) return appendTimeoutMs;
    }
    return patience;
  }

  /**
   * Everything that waits fails with an append that was tried for the whole time without reaching the log: it would only wait as long again, one batch
   * after the other.
   */
  function failWaiting(cause: BusError): void {
    const error = new BusError('LOG_UNAVAILABLE', `not stored: ${cause.message}`, { cause });
    for (let i = head; i < queue.length; i++) {
      const waiting = queue[i];
      if (!waiting || waiting.withdrawn) continue;
      waiting.withdrawn = true;
      waiting.done(i === head ? taken.records : 0, waiting.records.length, error);
    }
  }

  async function run(): Promise<void> {
    for (let parts = take(); parts.length > 0; parts = take()) {
      const { records, refused, settle } = batchOf(parts);
      for (const { part, error } of refused) fail([part], error);
      let appended: Appended | undefined;
      if (records.length > 0) {
        const incarnation = parts[0]?.run.incarnation;
        for (const part of parts) part.run.sentTo = part.to;
        const patience = patienceFor(parts);
        const began = clock.now();
        try {
          const isWanted = () => now()?.incarnation === incarnation;
          appended = await log.append(now() ?? topic, partition, records, isWanted, patience);
        } catch (error) {
          const failure = BusError.from(error);
          if (failure.reason === 'STORE_OUTCOME_UNKNOWN') windows?.find(topic, partition)?.doubt();
          fail(parts, failure);
          const isTriedOut = patience === appendTimeoutMs && clock.now() - began >= 0.9 * appendTimeoutMs;
          if (isTriedOut && failure.retryable) failWaiting(failure);
        }
      }
      // Before anybody is told: who is may publish again at once.
      for (const part of parts) part.run.released(part.bytes);
      if (appended) await settle(appended);
    }
    onIdle();
  }

  function fail(parts: readonly Stretch[], error: BusError): void {
    const groups = new Set<object>();
    for (const part of parts) {
      groups.add(part.run.group);
      part.run.done(part.from, part.to, error);
    }
    for (let i = head; i < queue.length; i++) {
      const waiting = queue[i];
      if (!waiting || waiting.withdrawn || !groups.has(waiting.group)) continue;
      const behind = waiting.behind(partition, error);
      if (!behind) continue;
      waiting.withdrawn = true;
      waiting.done(i === head ? taken.records : 0, waiting.records.length, behind);
    }
  }

  return {
    enqueue(added) {
      queue.push(added);
      running ??= run();
    },
    get idle() {
      return running ?? Promise.resolve();
    },
  };
}

function recordsOf(parts: readonly Part[]): readonly AppendRecord[] {
  const [first] = parts;
  if (first && parts.length === 1 && first.to - first.from === first.run.records.length) return first.run.records;
  const records: AppendRecord[] = [];
  for (const { run, from, to } of parts) {
    for (let i = from; i < to; i++) {
      const record = run.records[i];
      if (record) records.push(record);
    }
  }
  return records;
}
