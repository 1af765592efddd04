import { type Clock, systemClock } from '../../core/ports/clock.js';
import type { EventLog } from '../../core/ports/event-log.js';
import { type CoordinationClient, type MemoryCoordination, openCoordination } from './coordination.js';
import { type LogClient, openLog } from './log.js';
import { createRecords, type Records, type Written } from './records.js';
import { createSessions, type Sessions } from './sessions.js';
import { createMemoryTopics, type MemoryTopics } from './topics.js';

export type { MemoryCoordination } from './coordination.js';
export { delayingLink, type Link, LinkFailure } from './link.js';
export type { Written } from './records.js';

/** What a log and coordination hold, in memory: for tests and simulations. Nothing outlives the process. */
export interface MemoryWorld {
  readonly topics: MemoryTopics;
  readonly records: Records;
  readonly sessions: Sessions;
  /** A client of its own of the topics: as many as there are instances. */
  openLog(client: LogClient): EventLog;
  /** A client of its own of the records, with a session of its own. */
  openCoordination(client: CoordinationClient): MemoryCoordination;
}

export interface MemoryWorldOptions {
  /** By which records get their time, and sessions end. Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Told of each write to coordination, right after it. */
  readonly written?: ((write: Written) => void) | undefined;
}

export function createMemoryWorld({
  clock = systemClock,
  written = () => undefined,
}: MemoryWorldOptions = {}): MemoryWorld {
  const topics = createMemoryTopics(clock);
  const records = createRecords(written);
  const sessions = createSessions(records, clock);
  return {
    topics,
    records,
    sessions,
    openLog: (client) => openLog(topics, client),
    openCoordination: (client) => openCoordination(records, sessions, client),
  };
}
