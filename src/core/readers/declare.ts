import { Buffer } from 'node:buffer';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError, type Path, type Session } from '../ports/coordination.js';
import { retry } from '../retry.js';
import { encodeReader, type ReaderRecord, readingStreamsPath, readingSubscribersPath } from './records.js';

/** A stream that declares the version it reads. */
export interface ReaderDeclaration extends ReaderRecord {
  readonly topic: string;
  readonly streamId: string;
}

interface DeclarePorts {
  readonly coordination: Coordination;
  readonly clock: Clock;
}

/** The longest pause between two attempts, while coordination is away. */
const maxMs = 2_000;

/**
 * Makes it known what a stream reads, until the signal: in every session that comes, and of a subscriber also afterwards. Resolves once it is known.
 * Throws CoordinationErrors.
 */
export async function declareReader(
  ports: DeclarePorts,
  declaration: ReaderDeclaration,
  signal: AbortSignal,
): Promise<void> {
  const { topic, subscriber } = declaration;
  if (subscriber !== undefined) {
    await remember(ports.coordination, [...readingSubscribersPath(topic), subscriber], encodeReader(declaration));
  }
  const session = await announce(ports, declaration, signal);
  void keepAnnounced(ports, declaration, session, signal);
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
async function announce(ports: DeclarePorts, declaration: ReaderDeclaration, signal: AbortSignal): Promise<Session> {
  const session = await ports.coordination.session();
  const path = [...readingStreamsPath(declaration.topic), declaration.streamId];
  try {
    await session.createEphemeral(path, encodeReader(declaration));
  } catch (error) {
    if (!isKind(error, 'exists')) {
      // It may have been created all the same.
      withdraw(ports, session, path);
      throw error;
    }
  }
  const onAbort = () => withdraw(ports, session, path);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true, signal: session.lost });
  return session;
}

function withdraw({ coordination, clock }: DeclarePorts, session: Session, path: Path): void {
  const retries = (error: unknown) => !isKind(error, 'missing');
  retry(() => coordination.delete(path), { clock, signal: session.lost, maxMs, retries }).catch(() => undefined);
}

/** A new session knows nothing of the stream. */
async function keepAnnounced(
  ports: DeclarePorts,
  declaration: ReaderDeclaration,
  first: Session,
  signal: AbortSignal,
): Promise<void> {
  for (let session = first; ; ) {
    await either(session.lost, signal);
    if (signal.aborted) return;
    try {
      const again = () => announce(ports, declaration, signal);
      session = await retry(again, { clock: ports.clock, signal, maxMs, retries: () => true });
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
