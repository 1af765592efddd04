import pRetry from 'p-retry';
import { BusError } from '../errors.js';
import { type Coordination, CoordinationError, type Path, type Session } from '../ports/coordination.js';

/**
 * Who declared which schema version it reads, by topic: `/readers/<topic>/subscribers/<subscriber>` is remembered,
 * `/readers/<topic>/streams/<stream>` is an ephemeral, there as long as the stream is.
 */
export interface Reader {
  readonly subscriber: string | undefined;
  /** Undefined for a subscriber that is not connected. */
  readonly streamId: string | undefined;
  readonly version: number;
}

/** A stream that declares the version it reads. */
export interface ReaderDeclaration {
  readonly topic: string;
  readonly incarnation: string;
  readonly version: number;
  readonly subscriber: string | undefined;
  readonly streamId: string;
}

const subscribersPath = (topic: string): Path => ['readers', topic, 'subscribers'];
const streamsPath = (topic: string): Path => ['readers', topic, 'streams'];

/**
 * Makes it known what a stream reads, until the signal: in every session that comes, and for a subscriber also afterwards. Resolves once it is known.
 * Throws CoordinationErrors.
 */
export async function declareReader(
  coordination: Coordination,
  declaration: ReaderDeclaration,
  signal: AbortSignal,
): Promise<void> {
  const { topic, subscriber } = declaration;
  if (subscriber !== undefined) {
    await remember(coordination, [...subscribersPath(topic), subscriber], encode(declaration));
  }
  signal.throwIfAborted();
  const session = await announce(coordination, declaration, signal);
  void keepAnnounced(coordination, declaration, session, signal);
}

async function remember(coordination: Coordination, path: Path, value: Uint8Array): Promise<void> {
  for (;;) {
    const entry = await coordination.get(path);
    if (entry !== undefined && Buffer.from(entry.value).equals(value)) return;
    try {
      if (entry === undefined) await coordination.create(path, value);
      else await coordination.set(path, value, entry.version);
      return;
    } catch (error) {
      if (!isKind(error, 'conflict') && !isKind(error, 'exists') && !isKind(error, 'missing')) throw error;
    }
  }
}

/** One session's ephemeral. Taken away with the stream. */
async function announce(
  coordination: Coordination,
  declaration: ReaderDeclaration,
  signal: AbortSignal,
): Promise<Session> {
  const session = await coordination.session();
  const path = [...streamsPath(declaration.topic), declaration.streamId];
  const withdraw = () => {
    void pRetry(() => coordination.delete(path), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 2_000,
      signal: session.lost,
      shouldRetry: ({ error }) => !isKind(error, 'missing'),
    }).catch(() => undefined);
  };
  signal.addEventListener('abort', withdraw, { once: true });
  try {
    await session.createEphemeral(path, encode(declaration));
  } catch (error) {
    if (!isKind(error, 'exists')) {
      signal.removeEventListener('abort', withdraw);
      // It may have been created all the same.
      withdraw();
      throw error;
    }
  }
  // Whoever aborted meanwhile found nothing to withdraw.
  if (signal.aborted) withdraw();
  session.lost.addEventListener('abort', () => signal.removeEventListener('abort', withdraw), { once: true, signal });
  return session;
}

async function keepAnnounced(
  coordination: Coordination,
  declaration: ReaderDeclaration,
  first: Session,
  signal: AbortSignal,
): Promise<void> {
  for (let session = first; !signal.aborted; ) {
    await either(session.lost, signal);
    if (signal.aborted) return;
    const again = await pRetry(() => announce(coordination, declaration, signal), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 2_000,
      randomize: true,
      signal,
    }).catch(() => undefined);
    if (again === undefined) return;
    session = again;
  }
}

/** Resolves when one of the two aborts. */
function either(a: AbortSignal, b: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const done = () => {
      stop.abort();
      resolve();
    };
    for (const signal of [a, b]) signal.addEventListener('abort', done, { once: true, signal: stop.signal });
    if (a.aborted || b.aborted) done();
  });
}

/** Whoever has declared what it reads of a topic. Of a subscriber with streams these are named, and otherwise itself. Throws CoordinationErrors. */
export async function readersOf(
  coordination: Coordination,
  topic: string,
  incarnation: string,
): Promise<readonly Reader[]> {
  const streams = await recordsBelow(coordination, streamsPath(topic), incarnation);
  const readers: Reader[] = streams.map(({ name, subscriber, version }) => ({ subscriber, streamId: name, version }));
  const connected = new Set(readers.map(({ subscriber }) => subscriber));
  for (const { name, version } of await recordsBelow(coordination, subscribersPath(topic), incarnation)) {
    if (connected.has(name) || (await coordination.get(['subscribers', name])) === undefined) continue;
    readers.push({ subscriber: name, streamId: undefined, version });
  }
  return readers;
}

async function recordsBelow(coordination: Coordination, path: Path, incarnation: string) {
  const found: { readonly name: string; readonly version: number; readonly subscriber: string | undefined }[] = [];
  for (const name of await coordination.children(path)) {
    const entry = await coordination.get([...path, name]);
    const record = entry && decode(entry.value);
    // Of an earlier topic of that name.
    if (record === undefined || record.incarnation !== incarnation) continue;
    found.push({ name, version: record.version, subscriber: record.subscriber });
  }
  return found;
}

function encode({ incarnation, version, subscriber }: ReaderDeclaration): Uint8Array {
  return Buffer.from(JSON.stringify({ format: 1, incarnation, version, subscriber }));
}

/** Throws INTERNAL where the record is not what this version of the bus writes. */
function decode(value: Uint8Array): Pick<ReaderDeclaration, 'incarnation' | 'version' | 'subscriber'> {
  const record: unknown = JSON.parse(Buffer.from(value).toString());
  if (typeof record === 'object' && record !== null && 'incarnation' in record && 'version' in record) {
    const { incarnation, version } = record;
    const subscriber = 'subscriber' in record && typeof record.subscriber === 'string' ? record.subscriber : undefined;
    if (typeof incarnation === 'string' && typeof version === 'number') return { incarnation, version, subscriber };
  }
  throw new BusError('INTERNAL', 'a record of what a subscriber reads is damaged, or written by a newer version');
}

function isKind(error: unknown, kind: CoordinationError['kind']): boolean {
  return error instanceof CoordinationError && error.kind === kind;
}
