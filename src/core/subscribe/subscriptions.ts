import { toBusError } from '../coordination-errors.js';
import { type Cursor, decodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import { createCommitter } from '../offsets/committer.js';
import { checkSubscriberName } from '../offsets/records.js';
import type { Authorizer } from '../ports/authorizer.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { createAnnouncement } from './announcement.js';
import type { CommittedPosition, Frame, SubscribeCommand, Subscriptions } from './frames.js';
import { createHub } from './hub.js';
import { declared } from './reader-version.js';
import { sharedBounds } from './shared-bounds.js';
import { positionsIn, topicFor } from './start.js';
import { runStream } from './stream.js';

export interface SubscriptionService extends Subscriptions {
  /** Ends every stream with an `end` frame, and resolves when the last commit is written. Commits go on until then. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

interface SubscriptionPorts {
  readonly log: EventLog;
  readonly coordination: Coordination;
  readonly topics: Topics;
  readonly authorizer: Authorizer;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Where the caller does not choose. Milliseconds; default 10 s. */
  readonly heartbeatMs?: number | undefined;
}

/** The subscribe path, and commits. */
export function createSubscriptions({
  log,
  coordination,
  topics,
  authorizer,
  clock = systemClock,
  heartbeatMs = 10_000,
}: SubscriptionPorts): SubscriptionService {
  const hub = createHub(log, clock);
  const startLog = sharedBounds(log);
  const committer = createCommitter(coordination, clock);
  const draining = createAnnouncement();
  const running = new Set<object>();
  let allEnded: () => void = () => undefined;

  function check(command: SubscribeCommand): void {
    authorizer.authorize('subscribe', command.topic);
    if (command.subscriber !== undefined) {
      checkSubscriberName(command.subscriber);
      authorizer.authorize('commit', command.subscriber);
    }
    const { limit, heartbeatMs: interval } = command;
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
      throw new BusError('INVALID_REQUEST', `limit is ${limit}; it must be a whole number, at least 1`);
    }
    if (interval !== undefined && !(interval >= 1_000 && interval <= 60_000)) {
      throw new BusError('INVALID_REQUEST', `heartbeat_interval is ${interval} ms; it must be 1 s to 60 s`);
    }
  }

  async function find(name: string, cursor: Cursor): Promise<ActiveTopic> {
    return topicFor(cursor, topics.peek(name) ?? (await topics.require(name)), topics);
  }

  async function topicOf({ topic, from, subscriber }: SubscribeCommand): Promise<ActiveTopic> {
    if (from?.at !== 'cursor') return topics.peek(topic) ?? topics.require(topic);
    try {
      return await find(topic, decodeCursor(from.cursor));
    } catch (error) {
      // A durable subscriber with a committed position needs no cursor; one without is told when its start is looked for.
      const ignored = subscriber !== undefined && error instanceof BusError && error.reason === 'CURSOR_MALFORMED';
      if (!ignored) throw error;
      return topics.require(topic);
    }
  }

  async function* subscribe(
    command: SubscribeCommand,
    callSignal: AbortSignal,
  ): AsyncGenerator<Frame, void, undefined> {
    check(command);
    if (draining.made) throw new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again');
    const topic = await topicOf(command);
    // An abort that has happened already is not announced any more: nothing may be registered for it.
    if (callSignal.aborted) throw BusError.from(callSignal.reason);
    // Everything that the stream holds hangs on this signal: it fires when the caller goes, and when the stream ends by itself.
    const over = new AbortController();
    const { signal } = over;
    const onCallOver = () => over.abort(callSignal.reason);
    callSignal.addEventListener('abort', onCallOver, { once: true });
    const token = {};
    running.add(token);
    signal.addEventListener(
      'abort',
      () => {
        running.delete(token);
        if (running.size === 0) allEnded();
      },
      { once: true },
    );
    try {
      signal.throwIfAborted();
      const { feed, release } = await hub.follow(topic);
      signal.addEventListener('abort', release, { once: true });
      if (signal.aborted) release();
      signal.throwIfAborted();
      const ports = { log: startLog, coordination, topics, clock, feed, heartbeatMs, draining };
      yield* declared(ports, command, topic, runStream(ports, command, topic, signal), signal);
    } catch (error) {
      throw toBusError(error);
    } finally {
      callSignal.removeEventListener('abort', onCallOver);
      over.abort();
    }
  }

  /** A commit of what does not exist yet would skip events for ever: the end is asked for where it is not known to be far enough. */
  async function checkNotAhead(topic: string, partition: number, next: number): Promise<void> {
    const { highWatermark } = await startLog.bounds(topic, partition);
    if (next <= highWatermark) return;
    throw new BusError(
      'CURSOR_AHEAD',
      `the cursor is at ${next} in partition ${partition} of ${topic}, beyond the end (${highWatermark}); nothing was committed`,
    );
  }

  return {
    subscribe,
    async commit({ subscriber, cursor, generation }, signal): Promise<CommittedPosition[]> {
      authorizer.authorize('commit', subscriber);
      checkSubscriberName(subscriber);
      signal.throwIfAborted();
      const entries = (
        await Promise.all(
          decodeCursor(cursor).map(async (part) => {
            const topic = await find(part.topic, [part]);
            return positionsIn([part], topic).map(([partition, next]) => ({ topic, partition, next }));
          }),
        )
      ).flat();
      await Promise.all(
        entries.map(async ({ topic, partition, next }) => {
          const known = hub.highWatermark(topic, partition);
          if (known === undefined || next > known) await checkNotAhead(topic.name, partition, next);
        }),
      );
      return Promise.all(
        entries.map(async ({ topic, partition, next }) => ({
          topic: topic.name,
          partition,
          nextOffset: await committer.commit({
            subscriber,
            topic: topic.name,
            incarnation: topic.incarnation,
            partition,
            generation,
            next,
          }),
        })),
      );
    },
    async drain() {
      const ended = new Promise<void>((resolve) => {
        allEnded = resolve;
      });
      draining.make();
      if (running.size > 0) await ended;
      await committer.drain();
    },
    close: () => hub.close(),
  };
}
