import { BusError } from '../errors.js';
import type { AppendRecord } from '../model.js';
import type { Appended } from '../ports/event-log.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { Appender } from './appender.js';
import type { Budget } from './budget.js';
import { createCall } from './call.js';
import type { BatchListener, EventResult, PublishCommand, PublishMode } from './command.js';
import type { Order } from './order.js';
import { type Preparation, preparation } from './prepare.js';
import type { Run } from './run.js';
import { onAbort } from './withdrawals.js';

/**
 * The short way for batches of one plain event each that come together: nearly all of a stream's. They are checked as all are, and then share one run per
 * partition, without promises and lists of their own.
 */
export interface Singles {
  /** False: the batch is unusual, or is going to be refused. It has to go the long way, after `flush`. */
  take(batch: PublishCommand, listener: BatchListener, signal: AbortSignal): boolean;
  /** Queues what was taken. To be called in the same turn. */
  flush(): void;
}

/** What of the produce path it needs. */
export interface SinglesPath {
  readonly budget: Budget;
  /** Throws where no call may come in, or none for this topic. */
  check(batch: PublishCommand): void;
  /** Undefined where the topic is not in memory. */
  peek(batch: PublishCommand): ActiveTopic | undefined;
  /** Where events without a key go: one place for all that come together. */
  anyPartition(partitions: number): number;
  appenderOf(topic: ActiveTopic, partition: number): Appender;
  readonly bytesPerCall: number;
}

/** Batches for one topic, as they are being taken. */
interface Gathering {
  readonly topic: ActiveTopic;
  readonly checks: Preparation;
  readonly signal: AbortSignal;
  readonly runs: Map<number, SinglesRun>;
}

export function createSingles(path: SinglesPath, order: Order): Singles {
  let open: Gathering | undefined;

  function begin(batch: PublishCommand, signal: AbortSignal): Gathering | undefined {
    signal.throwIfAborted();
    path.check(batch);
    const topic = path.peek(batch);
    return topic && { topic, checks: checksOf(topic), signal, runs: new Map() };
  }

  function checksOf(topic: ActiveTopic): Preparation {
    return preparation(topic, {}, path.anyPartition(topic.settings.partitions));
  }

  function take(batch: PublishCommand, listener: BatchListener, signal: AbortSignal): boolean {
    const [event] = batch.events;
    if (event === undefined || batch.events.length > 1 || event.id) return false;
    if (batch.idempotencyKey !== undefined || batch.schemaVersion !== undefined) return false;
    if (open?.topic.name !== batch.topic || open.signal !== signal) {
      flush();
      open = begin(batch, signal);
      if (open === undefined) return false;
    }
    const { topic, checks, runs } = open;
    const prepared = checks.prepare(event, 0);
    if (prepared instanceof BusError || prepared.identity || prepared.bytes > path.bytesPerCall) return false;
    const { partition, bytes } = prepared;
    path.budget.reserve(topic.name, bytes);
    let run = runs.get(partition);
    if (run === undefined) {
      run = new SinglesRun(topic, partition, checks.schemaVersion, order, path.budget, signal);
      runs.set(partition, run);
    }
    if (checks.warning !== undefined) listener.warned(checks.warning);
    run.add(prepared, bytes, batch.mode, listener);
    return true;
  }

  function flush(): void {
    if (open === undefined) return;
    const { topic, runs } = open;
    open = undefined;
    for (const [partition, run] of runs) path.appenderOf(topic, partition).enqueue(run);
  }

  return {
    take(batch, listener, signal) {
      try {
        return take(batch, listener, signal);
      } catch {
        // On the long way it fails again, with all that follows from it.
        return false;
      }
    },
    flush,
  };
}

/** Batches of one event each, for one partition. */
class SinglesRun implements Run {
  readonly records: AppendRecord[] = [];
  bytes = 0;
  readonly incarnation: string;
  readonly group: object;
  withdrawn = false;
  readonly #modes: PublishMode[] = [];
  readonly #listeners: BatchListener[] = [];
  /** How many have been told. */
  #told = 0;
  readonly #settled: () => void;

  constructor(
    private readonly topic: ActiveTopic,
    private readonly partition: number,
    private readonly schemaVersion: number | undefined,
    private readonly order: Order,
    private readonly budget: Budget,
    signal: AbortSignal,
  ) {
    this.incarnation = topic.incarnation;
    this.group = order;
    this.#settled = onAbort(signal, () => this.#withdraw(BusError.from(signal.reason)));
  }

  add(record: AppendRecord, bytes: number, mode: PublishMode, listener: BatchListener): void {
    this.records.push(record);
    this.bytes += bytes;
    this.#modes.push(mode);
    this.#listeners.push(listener);
  }

  done(from: number, to: number, outcome: Appended | BusError): void {
    if (outcome instanceof BusError) this.order.halt(this.topic.name, this.partition, outcome);
    // What was withdrawn while it was on its way has been told.
    if (from < this.#told) return;
    this.#told = to;
    for (let i = from; i < to; i++) {
      if (outcome instanceof BusError) this.#fail(i, outcome);
      else {
        const { partition, schemaVersion } = this;
        const { baseOffset, timestamp } = outcome;
        this.#listeners[i]?.answered([
          { status: 'stored', partition, offset: baseOffset + i - from, timestamp, schemaVersion },
        ]);
      }
    }
    if (to === this.records.length) this.#settled();
  }

  released(bytes: number): void {
    this.budget.release(this.topic.name, bytes);
  }

  /** As a call of one event that was not stored ends. */
  #fail(i: number, error: BusError): void {
    const listener = this.#listeners[i];
    const status = error.reason === 'STORE_OUTCOME_UNKNOWN' ? 'unknown' : 'not_stored';
    const call = createCall(this.#modes[i] ?? 'all_or_nothing', 1);
    const result: EventResult = { status, error };
    call.settle(0, result);
    call.results.then(
      (results) => listener?.answered(results),
      (failure) => listener?.failed(failure),
    );
  }

  #withdraw(error: BusError): void {
    this.withdrawn = true;
    for (let i = this.#told; i < this.records.length; i++) this.#listeners[i]?.failed(error);
    this.#told = this.records.length;
  }
}
