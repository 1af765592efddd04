import { OutOfTime, timeLeft } from '../deadline.js';
import type { Identity } from '../dedupe/identity.js';
import type { Seen } from '../dedupe/identity-index.js';
import type { DedupeWindows } from '../dedupe/windows.js';
import { BusError } from '../errors.js';
import type { AppendRecord } from '../model.js';
import type { Appended } from '../ports/event-log.js';
import type { ActiveTopic } from '../topics/topic.js';
import { reusedError, shortWindowWarning } from './admission.js';
import type { Appender } from './appender.js';
import type { Budget } from './budget.js';
import { createCall } from './call.js';
import type { BatchListener, EventResult, PublishCommand, PublishMode } from './command.js';
import { failedBefore, type Order, type StreamOrder } from './order.js';
import { callRefusal, keylessWarning, type Preparation, type Prepared, preparation } from './prepare.js';
import { duplicate, failed } from './results.js';
import { expireRun, type Identified, type Run } from './run.js';
import { onAbort } from './withdrawals.js';

/**
 * The short way for batches of one event each that come together: nearly all of a stream's. They are checked as all are, and then share one run per
 * partition, without promises and lists of their own.
 */
export interface Singles {
  /** False: the batch is unusual, or fails as a whole. It has to go the long way, after `flush`. */
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
  readonly windows: DedupeWindows;
  readonly bytesPerCall: number;
}

/** Batches for one topic, as they are being taken. */
interface Gathering {
  readonly topic: ActiveTopic;
  readonly checks: Preparation;
  readonly signal: AbortSignal;
  readonly runs: Map<number, SinglesRun>;
}

export function createSingles(path: SinglesPath, order: StreamOrder): Singles {
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

  /** Whether the event is not known to be there, and whether that can be said at once. */
  function isNew(topic: ActiveTopic, { identity, partition }: Prepared): boolean {
    const window = identity && path.windows.of(topic, partition);
    return !identity || !window || (window.isReady && !window.find(identity));
  }

  function warn(topic: ActiveTopic, { identity, partition }: Prepared, listener: BatchListener): void {
    const short = identity && shortWindowWarning(topic, partition, path.windows);
    if (short !== undefined) listener.warned(short);
  }

  /** As a call of one event that is refused ends. */
  function refuse(mode: PublishMode, error: BusError, warning: string | undefined, listener: BatchListener): void {
    if (mode === 'independent') {
      if (warning !== undefined) listener.warned(warning);
      listener.answered([{ status: 'rejected', error }]);
    } else {
      const refusal = callRefusal([error], 1);
      order.haltAll(refusal);
      listener.failed(refusal);
    }
  }

  function take(batch: PublishCommand, listener: BatchListener, signal: AbortSignal): boolean {
    const [event] = batch.events;
    if (event === undefined || batch.events.length > 1) return false;
    if (batch.idempotencyKey !== undefined || batch.schemaVersion !== undefined) return false;
    if (open?.topic.name !== batch.topic || open.signal !== signal) {
      flush();
      open = begin(batch, signal);
      if (open === undefined) return false;
    }
    const { topic, checks, runs } = open;
    const prepared = checks.prepare(event, 0);
    if (prepared instanceof BusError) {
      refuse(batch.mode, prepared, checks.warning, listener);
      return true;
    }
    if (prepared.bytes > path.bytesPerCall || !isNew(topic, prepared)) return false;
    const { partition, bytes } = prepared;
    path.budget.reserve(topic.name, bytes);
    let run = runs.get(partition);
    if (run === undefined) {
      run = new SinglesRun(topic, partition, checks.schemaVersion, order, path.budget, signal);
      runs.set(partition, run);
    }
    if (checks.warning !== undefined) listener.warned(checks.warning);
    const keyless = keylessWarning(topic, [prepared]);
    if (keyless !== undefined) listener.warned(keyless);
    warn(topic, prepared, listener);
    run.add(prepared, batch.mode, listener);
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
class SinglesRun implements Run, Identified {
  readonly records: AppendRecord[] = [];
  readonly identities: (Identity | undefined)[] = [];
  identified: Identified | undefined;
  bytes = 0;
  readonly incarnation: string;
  readonly group: object;
  readonly behind = failedBefore;
  withdrawn = false;
  sentTo = 0;
  readonly timeLeft: () => number | undefined;
  readonly #modes: PublishMode[] = [];
  /** Undefined once they have been told. */
  readonly #listeners: (BatchListener | undefined)[] = [];
  #untold = 0;
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
    this.timeLeft = () => timeLeft(signal);
    this.#settled = onAbort(signal, () => this.#withdraw(BusError.from(signal.reason)));
  }

  add(prepared: Prepared, mode: PublishMode, listener: BatchListener): void {
    if (prepared.identity) {
      this.identities[this.records.length] = prepared.identity;
      this.identified = this;
    }
    this.records.push(prepared);
    this.bytes += prepared.bytes;
    this.#modes.push(mode);
    this.#listeners.push(listener);
    this.#untold++;
  }

  done(from: number, to: number, outcome: Appended | BusError): void {
    if (outcome instanceof BusError) {
      this.order.halt(this.topic.name, this.partition, outcome);
      for (let i = from; i < to; i++) this.#fail(i, failed(outcome));
      return;
    }
    const { partition, schemaVersion } = this;
    const { baseOffset, timestamp } = outcome;
    for (let i = from; i < to; i++) {
      const offset = baseOffset + i - from;
      this.#listener(i)?.answered([{ status: 'stored', partition, offset, timestamp, schemaVersion }]);
    }
  }

  released(bytes: number): void {
    this.budget.release(this.topic.name, bytes);
  }

  wholeTo(index: number): number | undefined {
    return this.#modes[index] === 'all_or_nothing' ? index + 1 : undefined;
  }

  found(index: number, first: Seen, lostAt: number | undefined): void {
    const { partition, schemaVersion } = this;
    if (first.same) this.#listener(index)?.answered([duplicate(partition, first, schemaVersion)]);
    else this.#fail(index, { status: 'rejected', error: reusedError(0, partition, first, lostAt) });
  }

  reused(_: number, first: Seen | undefined): BusError {
    return reusedError(0, this.partition, first, undefined);
  }

  /** As a call of one event that was not stored ends. */
  #fail(index: number, result: EventResult): void {
    const listener = this.#listener(index);
    if (listener === undefined) return;
    const call = createCall(this.#modes[index] ?? 'all_or_nothing', 1);
    call.settle(0, result);
    call.results.then(
      (results) => listener.answered(results),
      (failure) => listener.failed(failure),
    );
  }

  #withdraw(error: BusError): void {
    if (error instanceof OutOfTime) {
      expireRun(this, error);
      return;
    }
    this.withdrawn = true;
    for (let i = 0; i < this.records.length; i++) this.#listener(i)?.failed(error);
  }

  /** Who is to be told of a record, once. */
  #listener(index: number): BatchListener | undefined {
    const listener = this.#listeners[index];
    if (listener === undefined) return undefined;
    this.#listeners[index] = undefined;
    if (--this.#untold === 0) this.#settled();
    return listener;
  }
}
