import { Buffer } from 'node:buffer';
import pRetry from 'p-retry';
import { type Coordination, CoordinationError, type Path, type Session } from '../ports/coordination.js';
import { encodeReader, type ReaderRecord, readingStreamsPath, readingSubscribersPath } from './records.js';

/** A stream that declares the version it reads. */
export interface ReaderDeclaration extends ReaderRecord {
  readonly topic: string;
  readonly streamId: string;
}

/** Until coordination is there again. */
const patiently = { retries: Number.POSITIVE_INFINITY, minTimeout: 100, maxTimeout: 2_000, randomize: true };

/**
 * Makes it known what a stream reads, until the signal: in every session that comes, and of a subscriber also afterwards. Resolves once it is known.
 * Throws CoordinationErrors.
 */
export async function declareReader(
  coordination: Coordination,
  declaration: ReaderDeclaration,
  signal: AbortSignal,
): Promise<void> {
  const { topic, subscriber } = declaration;
  if (subscriber !== undefined) {
    await remember(coordination, [...readingSubscribersPath(topic), subscriber], encodeReader(declaration));
  }
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
      if (!isKind(error, 'conflict', 'exists', 'missing')) throw error;
    }
  }
}

/** The ephemeral of one session. The stream's end takes it away. */
async function announce(
  coordination: Coordination,
  declaration: ReaderDeclaration,
  signal: AbortSignal,
): Promise<Session> {
  const session = await coordination.session();
  const path = [...readingStreamsPath(declaration.topic), declaration.streamId];
  try {
    await session.createEphemeral(path, encodeReader(declaration));
  } catch (error) {
    if (!isKind(error, 'exists')) {
      // It may have been created all the same.
      withdraw(coordination, session, path);
      throw error;
    }
  }
  const onAbort = () => withdraw(coordination, session, path);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true, signal: session.lost });
  return session;
}

function withdraw(coordination: Coordination, session: Session, path: Path): void {
  const shouldRetry = ({ error }: { readonly error: unknown }) => !isKind(error, 'missing');
  pRetry(() => coordination.delete(path), { ...patiently, signal: session.lost, shouldRetry }).catch(() => undefined);
}

/** A new session knows nothing of the stream. */
async function keepAnnounced(
  coordination: Coordination,
  declaration: ReaderDeclaration,
  first: Session,
  signal: AbortSignal,
): Promise<void> {
  for (let session = first; ; ) {
    await either(session.lost, signal);
    if (signal.aborted) return;
    try {
      session = await pRetry(() => announce(coordination, declaration, signal), { ...patiently, signal });
    } catch {
      // Only the signal ends the attempts.
      return;
    }
  }
}

/** Resolves when one of the two aborts. */
function either(a: AbortSignal, b: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const done = () => {
      over.abort();
      resolve();
    };
    for (const signal of [a, b]) signal.addEventListener('abort', done, { once: true, signal: over.signal });
    if (a.aborted || b.aborted) done();
  });
}

function isKind(error: unknown, ...kinds: readonly CoordinationError['kind'][]): boolean {
  return error instanceof CoordinationError && kinds.includes(error.kind);
}
