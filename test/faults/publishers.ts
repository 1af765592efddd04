import { setTimeout as sleep } from 'node:timers/promises';
import { Wakeup } from '../../src/cli/publish/wakeup.js';
import {
  createMainstemClient,
  MainstemError,
  type PublishBatch,
  type PublishResult,
  PublishStatus,
} from '../../src/client/index.js';
import type { History, Publish } from './history.js';

export interface PublisherOptions {
  readonly history: History;
  readonly topic: string;
  /** Its number: part of each event. */
  readonly producer: number;
  /** Of the instances; it goes on to the next one when one fails. */
  readonly addresses: readonly string[];
  readonly now: () => number;
  /** Ends it after the call in flight. */
  readonly stop: AbortSignal;
}

const eventsPerCall = 3;
const keys = 4;
/** Longer than the bus takes to give up: it is its answer that is wanted. */
const timeoutMs = 15_000;
/** Between two calls: the load is to be steady, not heavy. */
const paceMs = 10;
const windowBatches = 6;

/** Reasons that say that nothing was stored. All others leave it open. */
const nothingStored = new Set([
  'UNREACHABLE',
  'LOG_UNAVAILABLE',
  'COORDINATION_UNAVAILABLE',
  'SHUTTING_DOWN',
  'STREAM_HALTED',
  'OVERLOADED',
  'STORAGE_FULL',
  'TOPIC_NOT_READY',
  'TOPIC_NOT_FOUND',
  'TOPIC_DELETED',
]);

/** Publishes small calls, one after the other. */
export async function runUnaryPublisher(options: PublisherOptions): Promise<void> {
  const { addresses, topic, now, stop } = options;
  const clients = addresses.map((address) => createMainstemClient({ address, protocol: 'grpc' }));
  let turn = options.producer;
  for (let sequence = 0; !stop.aborted; sequence += eventsPerCall) {
    const client = clients[turn % clients.length];
    const call = startEvents(options, sequence);
    try {
      const results = await client?.publish({ topic, events: call.map(toInput) }, { timeoutMs });
      settle(call, results ?? [], now());
      await sleep(paceMs);
    } catch (thrown) {
      fail(call, MainstemError.from(thrown), now());
      turn++;
      await sleep(50);
    }
  }
  for (const client of clients) client.close();
}

/** Publishes on streams, several batches in flight; begins another one, on the next instance, when one breaks. */
export async function runStreamPublisher(options: PublisherOptions): Promise<void> {
  const { addresses, stop } = options;
  let sequence = 0;
  for (let turn = options.producer; !stop.aborted; turn++) {
    sequence = await runStream(options, addresses[turn % addresses.length] ?? '', sequence);
    await sleep(50);
  }
}

async function runStream(
  { topic, now, stop, ...options }: PublisherOptions,
  address: string,
  from: number,
): Promise<number> {
  const client = createMainstemClient({ address });
  const inFlight: Publish[][] = [];
  const wakeup = new Wakeup();
  const over = new AbortController();
  const onStop = () => wakeup.wake();
  stop.addEventListener('abort', onStop);
  let sequence = from;
  let failed = false;
  let retryMs = 0;
  let patience = setTimeout(() => over.abort(), timeoutMs);

  async function* batches(): AsyncGenerator<PublishBatch> {
    for (let count = 0; !over.signal.aborted; count++) {
      // After a failure it goes on only once it knows of everything that was in flight.
      while (inFlight.length >= (failed || stop.aborted ? 1 : windowBatches)) await wakeup.wait();
      if (stop.aborted || over.signal.aborted) return;
      if (failed) await sleep(retryMs);
      const batch = startEvents({ ...options, topic, now, stop }, sequence);
      sequence += eventsPerCall;
      inFlight.push(batch);
      const continueAfterFailure = failed;
      failed = false;
      yield {
        ...(count === 0 ? { topic } : {}),
        events: batch.map(toInput),
        mode: 'independent',
        continueAfterFailure,
      };
      await sleep(paceMs);
    }
  }

  try {
    for await (const answer of client.publishBatches(batches(), { signal: over.signal })) {
      clearTimeout(patience);
      patience = setTimeout(() => over.abort(), timeoutMs);
      const batch = inFlight.shift() ?? [];
      if (answer.failure) fail(batch, MainstemError.fromBatch(answer.failure), now());
      else settle(batch, answer.results, now());
      if (batch.some(({ status }) => status !== 'ok')) {
        failed = true;
        retryMs = 100;
      }
      wakeup.wake();
    }
  } catch (thrown) {
    const error = MainstemError.from(thrown);
    for (const batch of inFlight) fail(batch, error, now());
    inFlight.length = 0;
  }
  // A stream that ended without an error answered everything before.
  for (const batch of inFlight) for (const publish of batch) publish.reason = 'UNANSWERED';
  clearTimeout(patience);
  stop.removeEventListener('abort', onStop);
  over.abort();
  wakeup.wake();
  client.close();
  return sequence;
}

/** Notes events before they are sent: whatever happens, they are known. */
function startEvents({ history, producer, now }: PublisherOptions, first: number): Publish[] {
  const startedAt = now();
  return Array.from({ length: eventsPerCall }, (_, i) => {
    const sequence = first + i;
    const publish: Publish = {
      producer,
      sequence,
      key: `${producer}-${sequence % keys}`,
      startedAt,
      endedAt: Number.POSITIVE_INFINITY,
      status: 'unknown',
      reason: 'STOPPED',
      partition: -1,
      offset: -1,
    };
    history.publishes.push(publish);
    return publish;
  });
}

const padding = 'x'.repeat(100);

function toInput({ key, producer, sequence }: Publish) {
  return { key, data: { producer, sequence, padding } };
}

function settle(call: readonly Publish[], results: readonly PublishResult[], at: number): void {
  call.forEach((publish, i) => {
    const result = results[i];
    publish.endedAt = at;
    publish.reason = result?.reason ?? 'UNKNOWN';
    if (result?.status === PublishStatus.STORED) {
      publish.status = 'ok';
      publish.partition = result.partition ?? -1;
      publish.offset = Number(result.offset ?? -1n);
    } else if (result?.status === PublishStatus.NOT_STORED || result?.status === PublishStatus.REJECTED) {
      publish.status = 'failed';
    }
  });
}

function fail(call: readonly Publish[], { reason, outcome }: MainstemError, at: number): void {
  const certain = outcome !== undefined && !outcome.truncated;
  call.forEach((publish, i) => {
    const stored = outcome?.stored.find(({ event }) => event === i);
    publish.endedAt = at;
    publish.reason = reason;
    if (stored) {
      publish.status = 'ok';
      publish.partition = stored.partition;
      publish.offset = Number(stored.offset);
    } else if (certain ? !outcome.unknown.includes(i) : nothingStored.has(reason)) {
      publish.status = 'failed';
    }
  });
}
