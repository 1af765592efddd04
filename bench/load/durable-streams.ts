import type { ClientHttp2Session } from 'node:http2';
import type { EventLog } from '../../src/core/ports/event-log.js';
import { makeEvent, sequenceAt, storedHeaders, writeSequence } from '../events.js';
import { openLog } from '../measured/open-log.js';
import { messageReader, readFrame } from '../wire/frames.js';
import { subscribeRequest } from '../wire/requests.js';
import { openStream } from './call.js';
import { subscribePath } from './catch-up.js';
import { closeConnections, openConnections } from './connections.js';

const perConnection = 500;

export interface DurablePlan {
  readonly port: number;
  readonly topic: string;
  /** One per stream; the same name several times shares its partitions. */
  readonly subscribers: readonly string[];
}

interface DurableStream {
  /** How many partitions it has now, as it was told last. */
  partitions: number;
  records: number;
  cancel(): void;
}

let sessions: ClientHttp2Session[] = [];
let streams: DurableStream[] = [];
let opened = 0;
let changed: () => void = () => undefined;
let failure: unknown;
let log: EventLog | undefined;

/** Opens streams whose positions the server commits when it has delivered; `settled` tells when they have their partitions. */
export async function openDurable({ port, topic, subscribers }: DurablePlan): Promise<void> {
  const wanted = Math.ceil((streams.length + subscribers.length) / perConnection) - sessions.length;
  if (wanted > 0) sessions.push(...(await openConnections(port, wanted)));
  for (const subscriber of subscribers) {
    const session = sessions[opened++ % sessions.length];
    if (!session) throw new Error('no connection');
    streams.push(durable(session, subscribeRequest(topic, 'latest', { follow: true, subscriber, onDelivery: true })));
  }
}

function durable(session: ClientHttp2Session, request: Buffer): DurableStream {
  const state: DurableStream = { partitions: 0, records: 0, cancel: () => undefined };
  const onData = messageReader((message) =>
    readFrame(message, {
      assigned(partitions) {
        state.partitions = partitions;
        changed();
      },
      record() {
        state.records++;
      },
    }),
  );
  const stream = openStream(session, subscribePath, request, (chunk) => {
    onData(chunk);
    changed();
  });
  state.cancel = stream.cancel;
  stream.ended.catch((error: unknown) => {
    failure ??= error;
    changed();
  });
  return state;
}

/** Waits until each stream has so many partitions, and says how long that took. */
export async function settled({ each }: { readonly each: number }): Promise<{ seconds: number }> {
  const start = performance.now();
  await reach(() => streams.every(({ partitions }) => partitions === each));
  return { seconds: (performance.now() - start) / 1000 };
}

/** Closes the streams from the one of this number on. */
export async function leave({ from }: { readonly from: number }): Promise<void> {
  for (const stream of streams.splice(from)) stream.cancel();
}

/** Appends one event to each partition, again and again, for so long; then waits until every stream has each. */
export async function feedDurable(plan: {
  readonly place: string;
  readonly topic: string;
  readonly partitions: number;
  readonly everyMs: number;
  readonly ms: number;
}): Promise<{ events: number; seconds: number }> {
  log ??= await openLog(plan.place);
  const before = streams.map(({ records }) => records);
  const start = performance.now();
  let rounds = 0;
  for (; performance.now() - start < plan.ms; rounds++) {
    const next = new Promise((resolve) => setTimeout(resolve, plan.everyMs));
    await Promise.all(Array.from({ length: plan.partitions }, (_, partition) => append(plan.topic, partition, rounds)));
    await next;
  }
  const events = rounds * plan.partitions;
  await reach(() => streams.every(({ records }, i) => records >= (before[i] ?? 0) + events));
  return { events, seconds: (performance.now() - start) / 1000 };
}

async function append(topic: string, partition: number, sequence: number): Promise<void> {
  const value = Buffer.from(makeEvent(200));
  writeSequence(value, sequenceAt, sequence);
  await log?.append(topic, partition, [{ key: null, value, headers: storedHeaders }]);
}

export async function closeDurable(): Promise<void> {
  await closeConnections(sessions);
  sessions = [];
  streams = [];
  failure = undefined;
}

async function reach(condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (failure !== undefined) throw failure;
    await new Promise<void>((resolve) => {
      changed = resolve;
    });
  }
}
