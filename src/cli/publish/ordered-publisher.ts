import { setTimeout as sleep } from 'node:timers/promises';
import {
  type MainstemClient,
  MainstemError,
  type PublishBatch,
  type PublishResult,
  PublishStatus,
  type PublishStreamResponse,
  pickEvents,
} from '../../client/index.js';
import type { LineBatch } from './batches.js';
import { failedWith, protocolError } from './upload-errors.js';
import { Wakeup } from './wakeup.js';

export interface OrderedOptions {
  readonly topic: string;
  readonly schemaVersion?: number | undefined;
  /** Ends it: what is in flight is still answered, nothing more is sent. */
  readonly stop: AbortSignal;
  /** Milliseconds without a stored event after which it gives up sending again. Default 60,000; 0: no new connection is made. */
  readonly patienceMs?: number | undefined;
  /** Each event has an identity: what may be stored or not is sent again, too. Default false. */
  readonly isIdentified?: boolean | undefined;
}

export interface Observer {
  stored(count: number): void;
  rejected(line: number, result: PublishResult): void;
  /** Events have to be sent again, because of `reason`; said for each round. */
  retrying(reason: string, delayMs: number): void;
  /** What the server wants known, though all went well; said with each batch. */
  warned(warning: string): void;
}

/** How it ended. Lines that are in none of the lists are stored or rejected, or were never read. */
export interface PublishEnd {
  /** Why it stopped before the end of the input: a MainstemError, or the source's own error. */
  readonly error: Error | undefined;
  /** Lines that may be stored or not. */
  readonly unknown: readonly number[];
  /** Lines that were read and are not stored. */
  readonly notStored: readonly number[];
}

/** One PublishStream. Once it is over its generator must not take anything from the queue. */
interface Stream {
  isOver: boolean;
}

/** In flight at most: well below what the server allows (256 batches, 8 MiB). */
const maxBatches = 16;
const maxBytes = 4 * 1024 * 1024;
const longestDelayMs = 5_000;

/** Reasons of a broken stream that say that what is unanswered is not stored. */
const sparesUnanswered = new Set(['UNREACHABLE', 'SHUTTING_DOWN']);

/** Reasons for which an event that is not stored is sent again, and the delay where the server names none. */
const retryDelays: Record<string, number> = {
  STREAM_HALTED: 0,
  OVERLOADED: 250,
  STORAGE_FULL: 5_000,
  LOG_UNAVAILABLE: 1_000,
  COORDINATION_UNAVAILABLE: 1_000,
  TOPIC_NOT_READY: 500,
  SHUTTING_DOWN: 1_000,
  // Only of events with an identity.
  STORE_OUTCOME_UNKNOWN: 1_000,
};

/**
 * Publishes batches on one stream, several in flight, and keeps the order of each key: what the server did not store is sent again, in order
 * and before anything newer. It relies on the stream's rule that after a failure later events of the same partition are refused, so that
 * once every batch in flight is answered the events that are not stored are, per partition, the end of what was sent.
 */
export async function publishOrdered(
  client: Pick<MainstemClient, 'publishBatches'>,
  source: AsyncIterator<LineBatch>,
  options: OrderedOptions,
  observer: Observer,
): Promise<PublishEnd> {
  const { patienceMs = 60_000, isIdentified = false } = options;
  const wakeup = new Wakeup();
  const inFlight: LineBatch[] = [];
  const redo: LineBatch[] = [];
  const unknown: number[] = [];
  const notStored: number[] = [];
  let queue: LineBatch[] = [];
  let inFlightBytes = 0;
  let pulling = false;
  let sourceDone = false;
  let failure: Error | undefined;
  let stopped = false;
  let retry: { reason: string; delayMs: number } | undefined;
  let roundsWithoutProgress = 0;
  let troubleSince: number | undefined;

  const stop = (error?: Error) => {
    failure ??= error;
    stopped = true;
    wakeup.wake();
  };
  const onStop = () => stop();
  options.stop.addEventListener('abort', onStop);
  if (options.stop.aborted) stop();

  const pull = () => {
    pulling = true;
    source.next().then(
      (next) => {
        pulling = false;
        if (next.done) sourceDone = true;
        else queue.push(next.value);
        wakeup.wake();
      },
      (error: unknown) => {
        pulling = false;
        stop(error instanceof Error ? error : new Error(String(error)));
      },
    );
  };

  /** Pauses, longer with each round, and puts what has to be sent again in front. False: there is no next round. */
  async function waitToRetry({ reason, delayMs }: NonNullable<typeof retry>, stream: Stream): Promise<boolean> {
    const delay = Math.min(longestDelayMs, Math.max(delayMs, 25) * 2 ** Math.min(roundsWithoutProgress, 8));
    roundsWithoutProgress++;
    observer.retrying(reason, delay);
    await sleep(delay, undefined, { signal: options.stop }).catch(() => undefined);
    if (stopped || stream.isOver) return false;
    queue = [...redo.splice(0), ...queue];
    retry = undefined;
    return true;
  }

  async function* requests(stream: Stream): AsyncGenerator<PublishBatch> {
    let first = true;
    while (!stopped && !stream.isOver) {
      let continueAfterFailure = false;
      if (retry !== undefined) {
        // Everything in flight has to be answered first: only then is it known what to send again.
        if (inFlight.length > 0) {
          await wakeup.wait();
          continue;
        }
        if (!(await waitToRetry(retry, stream))) break;
        continueAfterFailure = true;
      }
      // One batch is read ahead while others are under way.
      if (queue.length === 0 && !pulling && !sourceDone) pull();
      const batch = queue[0];
      const full = inFlight.length >= maxBatches || (inFlightBytes > 0 && inFlightBytes + size(batch) > maxBytes);
      if (batch === undefined || full) {
        if (batch === undefined && sourceDone && inFlight.length === 0) return;
        await wakeup.wait();
        continue;
      }
      queue.shift();
      inFlight.push(batch);
      inFlightBytes += size(batch);
      yield {
        ...(first ? { topic: options.topic } : {}),
        events: batch.events,
        mode: 'independent',
        schemaVersion: options.schemaVersion,
        continueAfterFailure,
      };
      first = false;
    }
    // What is in flight is answered before the stream is closed, so that nothing is left open.
    while (inFlight.length > 0) await wakeup.wait();
  }

  function settle(batch: LineBatch, answer: PublishStreamResponse): void {
    for (const warning of answer.warnings) observer.warned(warning);
    if (answer.failure) {
      settleFailure(batch, MainstemError.fromBatch(answer.failure));
      return;
    }
    if (answer.results.length !== batch.lines.length) {
      unknown.push(...batch.lines);
      stop(protocolError(`the server answered ${answer.results.length} results for ${batch.lines.length} events`));
      return;
    }
    let stored = 0;
    const again: number[] = [];
    for (let i = 0; i < answer.results.length; i++) {
      const result = answer.results[i];
      const line = batch.lines[i];
      if (result === undefined || line === undefined) continue;
      if (result.status === PublishStatus.STORED) stored++;
      else if (result.status === PublishStatus.REJECTED) observer.rejected(line, result);
      else if (result.status === PublishStatus.NOT_STORED) {
        again.push(i);
        askRetry(result.reason, result.message, undefined);
      } else if (isIdentified) {
        again.push(i);
        askRetry(result.reason, result.message, undefined);
      } else {
        unknown.push(line);
        stop(
          failedWith(
            result.reason || 'STORE_OUTCOME_UNKNOWN',
            result.message || 'it is not known whether it is stored',
          ),
        );
      }
    }
    if (stored > 0) progress(stored);
    if (again.length > 0) {
      redo.push({ events: pickEvents(batch.events, again), lines: again.map((i) => batch.lines[i] ?? 0) });
    }
  }

  function settleFailure(batch: LineBatch, error: MainstemError): void {
    const { outcome } = error;
    if (isIdentified || (outcome === undefined && error.reason !== 'STORE_OUTCOME_UNKNOWN')) {
      redo.push(batch);
      askRetry(error.reason, error.message, error);
      return;
    }
    // A partly stored batch as a whole failed: in this mode results are expected instead, but nothing may be taken for stored that is not.
    const stored = new Set(outcome?.truncated ? [] : outcome?.stored.map((entry) => entry.event));
    const certain = outcome !== undefined && !outcome.truncated;
    const open = new Set(outcome?.unknown);
    batch.lines.forEach((line, i) => {
      if (stored.has(i)) progress(1);
      else if (!certain || open.has(i)) unknown.push(line);
      else notStored.push(line);
    });
    stop(error);
  }

  function askRetry(reason: string, message: string, error: MainstemError | undefined): void {
    const known = retryDelays[reason];
    const retryable = error === undefined ? known !== undefined : error.retryable || known !== undefined;
    troubleSince ??= performance.now();
    const tired = performance.now() - troubleSince > patienceMs;
    if (!retryable || tired) stop(error ?? failedWith(reason, message));
    const delayMs = error?.retryDelayMs ?? known ?? 1_000;
    // The cause is worth naming, not its consequence for later events.
    if (retry === undefined || retry.reason === 'STREAM_HALTED') retry = { reason, delayMs };
  }

  function progress(stored: number): void {
    troubleSince = undefined;
    roundsWithoutProgress = 0;
    observer.stored(stored);
  }

  /** Runs one stream. Resolves with whether another one should go on, after the connection broke. */
  async function runStream(stream: Stream): Promise<boolean> {
    try {
      for await (const answer of client.publishBatches(requests(stream))) {
        const batch = inFlight.shift();
        if (batch === undefined) throw protocolError('the server answered more batches than were sent');
        inFlightBytes -= size(batch);
        settle(batch, answer);
        wakeup.wake();
      }
      if (inFlight.length > 0) throw protocolError('the server ended the stream before it answered every batch');
      return false;
    } catch (error) {
      const trouble = MainstemError.from(error);
      const isSpared = sparesUnanswered.has(trouble.reason);
      stream.isOver = true;
      wakeup.wake();
      const unanswered = inFlight.splice(0);
      inFlightBytes = 0;
      if (!stopped && patienceMs > 0 && trouble.retryable && (isSpared || isIdentified)) {
        redo.push(...unanswered);
        askRetry(trouble.reason, trouble.message, trouble);
        return !stopped;
      }
      (isSpared ? notStored : unknown).push(...unanswered.flatMap((batch) => batch.lines));
      stop(trouble);
      return false;
    }
  }

  try {
    for (let goOn = true; goOn; ) {
      goOn = await runStream({ isOver: false });
      // The connection is tried again only after the pause.
      if (goOn && retry) goOn = await waitToRetry(retry, { isOver: false });
    }
  } finally {
    options.stop.removeEventListener('abort', onStop);
    wakeup.wake();
    // Not waited for: a source that reads from a terminal would only return with its next line.
    source.return?.()?.catch(() => undefined);
  }
  notStored.push(...[...redo, ...queue].flatMap((batch) => batch.lines));
  return { error: failure, unknown: unknown.sort((a, b) => a - b), notStored: notStored.sort((a, b) => a - b) };
}

function size(batch: LineBatch | undefined): number {
  return batch?.events.bytes.length ?? 0;
}
