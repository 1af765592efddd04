import { setTimeout as sleep } from 'node:timers/promises';
import { BusError } from '../../../../core/errors.js';
import type { EventResult, PublishCommand, PublishSession } from '../../../../core/publish/command.js';
import { withoutStream } from '../../../../core/publish/order.js';
import { type Line, lineEvent } from './split.js';

export interface UploadOptions
  extends Pick<PublishCommand, 'topic' | 'schemaVersion' | 'idempotencyKey' | 'onWarning'> {
  readonly key: Uint8Array | undefined;
  /** Nothing after a line that is refused is stored. */
  readonly stopAtRefusal: boolean;
  /** Told what became of each line, in the order of the lines except where some had to be sent again. */
  readonly onResult: (line: Line, result: EventResult) => void;
}

/** Why no more lines are taken, and the first line that this concerns. */
export interface Stop {
  readonly error: BusError;
  readonly line: number;
  readonly byte: number;
}

/** Publishes lines in their order, several batches at a time. */
export interface Uploader {
  /** Resolves when there is room for more. Lines that come after a stop are dropped. */
  add(lines: readonly Line[]): Promise<void>;
  /** Resolves when the outcome of every line is known. */
  finish(): Promise<void>;
  /** Ends it: what has been taken is still stored. */
  stop(error: BusError, at: { readonly line: number; readonly byte: number }): void;
  readonly stopped: Stop | undefined;
  /** Of the lines up to this one every outcome was or will be told; nothing after it is or will be stored. */
  readonly lastLine: number;
}

/** Under way at most, and in one batch. A longer line goes alone. */
const inFlight = { batches: 16, bytes: 2 * 1024 * 1024 };
const perBatch = { lines: 1_000, bytes: 512 * 1024 };
/** How long lines are sent again without one of them being stored. */
const patienceMs = 30_000;
const longestDelayMs = 5_000;

interface Batch {
  readonly lines: readonly Line[];
  readonly bytes: number;
  outcome: readonly EventResult[] | BusError | undefined;
}

/**
 * What the log or a full buffer did not let in is sent again, in order and before anything newer, as a session allows it: after a failure it refuses what
 * comes later for the same partition, so that once everything in flight is answered, what is not stored is, per partition, the end of what was sent.
 */
export function createUploader(session: PublishSession, options: UploadOptions): Uploader {
  const { key, topic, schemaVersion, idempotencyKey, onWarning, stopAtRefusal, onResult } = options;
  // What was taken is stored also when the client is gone: only the process's end withdraws it.
  const { signal } = new AbortController();
  const flight: Batch[] = [];
  let bytes = 0;
  let again: Line[] = [];
  let trouble: BusError | undefined;
  let pausing = false;
  let rounds = 0;
  let progressAt = performance.now();
  let stopped: Stop | undefined;
  /** The line that ended it by being refused. */
  let refusedAt = Number.POSITIVE_INFINITY;
  let lastSent = 0;
  /** Nothing is sent again any more. */
  let failed = false;
  let wake: (() => void) | undefined;

  const busy = () => pausing || again.length > 0;
  const full = (more: number) => flight.length >= inFlight.batches || (bytes > 0 && bytes + more > inFlight.bytes);
  const change = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });

  function send(lines: readonly Line[], continueAfterFailure: boolean): void {
    const batch: Batch = { lines, bytes: bytesOf(lines), outcome: undefined };
    flight.push(batch);
    bytes += batch.bytes;
    const events = lines.map((line) => lineEvent(line, key));
    const command = {
      topic,
      schemaVersion,
      idempotencyKey,
      onWarning,
      events,
      mode: 'independent',
      haltOnRefusal: stopAtRefusal,
    } as const;
    session
      .publish({ ...command, continueAfterFailure }, signal)
      .catch((error: unknown) => BusError.from(error))
      .then((outcome) => {
        batch.outcome = outcome;
        settle();
      })
      .catch((error: unknown) => fail(BusError.from(error), lines[0]));
  }

  /** Looks at what is answered, in the order of the lines. */
  function settle(): void {
    for (let head = flight[0]; head?.outcome; head = flight[0]) {
      flight.shift();
      bytes -= head.bytes;
      const { outcome, lines } = head;
      lines.forEach((line, i) => {
        const result = outcome instanceof BusError ? undefined : outcome[i];
        take(line, result ?? { status: 'not_stored', error: outcome instanceof BusError ? outcome : noResult });
      });
    }
    if (flight.length === 0 && again.length > 0 && !pausing)
      sendAgain().catch((error: unknown) => fail(BusError.from(error), again[0]));
    wake?.();
  }

  function take(line: Line, result: EventResult): void {
    if (result.status === 'stored') {
      progressAt = performance.now();
      rounds = 0;
    } else if (result.status === 'unknown') {
      trouble = result.error;
    } else if (line.number > refusedAt) {
      // Nobody wants to know: nothing after it was meant to be stored.
      return;
    } else if (result.status === 'rejected') {
      if (stopAtRefusal) {
        refusedAt = line.number;
        stopped ??= { error: result.error, line: line.number, byte: line.byte };
      }
    } else if (result.status === 'not_stored') {
      const { error } = result;
      if (error.reason !== 'STREAM_HALTED') trouble = error;
      if (!failed && isPassing(error)) {
        again.push(line);
        return;
      }
      fail(error, line);
      // Its client has asked for no stream.
      onResult(line, { ...result, error: withoutStream(error) });
      return;
    }
    onResult(line, result);
  }

  function fail(cause: BusError, line: Line | undefined): void {
    const error = withoutStream(cause);
    failed = true;
    stopped ??= { error, line: line?.number ?? 0, byte: line?.byte ?? 0 };
    for (const each of again.splice(0)) onResult(each, { status: 'not_stored', error });
    wake?.();
  }

  async function sendAgain(): Promise<void> {
    pausing = true;
    const error = trouble ?? noResult;
    if (performance.now() - progressAt > patienceMs) {
      fail(error, again[0]);
    } else {
      // Room in this process's buffer is there again much sooner than a client could ask.
      const least = error.reason === 'OVERLOADED' ? 25 : Math.max(error.retryAfterMs ?? 0, 25);
      const delay = Math.min(longestDelayMs, least * 2 ** Math.min(rounds++, 8));
      await sleep(delay, undefined, { signal: session.draining }).catch(() => undefined);
      const lines = again;
      again = [];
      let first = true;
      for (const batch of batchesOf(lines)) {
        send(batch, first);
        first = false;
      }
    }
    pausing = false;
    wake?.();
  }

  function bytesOf(lines: readonly Line[]): number {
    let sum = lines.length * (key?.length ?? 0);
    for (const { payload } of lines) sum += payload?.length ?? 0;
    return sum;
  }

  function* batchesOf(lines: readonly Line[]): Generator<readonly Line[]> {
    let start = 0;
    let size = 0;
    for (let i = 0; i < lines.length; i++) {
      const next = (lines[i]?.payload?.length ?? 0) + (key?.length ?? 0);
      if (i > start && (size + next > perBatch.bytes || i - start >= perBatch.lines)) {
        yield lines.slice(start, i);
        start = i;
        size = 0;
      }
      size += next;
    }
    if (start < lines.length) yield start === 0 ? lines : lines.slice(start);
  }

  return {
    async add(lines) {
      for (const batch of batchesOf(lines)) {
        while (!stopped && (busy() || full(bytesOf(batch)))) await change();
        if (stopped) return;
        if (flight.length === 0) progressAt = performance.now();
        send(batch, false);
        lastSent = batch.at(-1)?.number ?? lastSent;
      }
    },
    async finish() {
      while (flight.length > 0 || busy()) await change();
    },
    stop(error, at) {
      stopped ??= { error, ...at };
    },
    get stopped() {
      return stopped;
    },
    get lastLine() {
      return Math.min(lastSent, refusedAt);
    },
  };
}

const noResult = new BusError('INTERNAL', 'the line has no result');

/** Whether the same lines may be stored in a while, on this instance. */
function isPassing({ reason, retryable }: BusError): boolean {
  return reason === 'STREAM_HALTED' || (retryable && reason !== 'SHUTTING_DOWN');
}
