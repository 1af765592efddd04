import { toBusError } from '../coordination-errors.js';
import { type Cursor, decodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import { type FormatLevel, presentFormats } from '../fleet/format-level.js';
import { createCommitter } from '../offsets/committer.js';
import { writeKeepAlive } from '../offsets/keep-alive.js';
import { createMemberships } from '../offsets/memberships.js';
import { checkSubscriberName } from '../offsets/records.js';
import type { StreamParking } from '../parking/parking.js';
import type { Authorizer } from '../ports/authorizer.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { FilterCompiler } from '../ports/filter-compiler.js';
import { settleSubscriber } from '../subscribers/settle.js';
import type { TopicsService } from '../topics/index.js';
import { matchesPattern } from '../topics/pattern.js';
import type { ActiveTopic } from '../topics/topic.js';
import { createAnnouncement } from './announcement.js';
import { answeredInTime } from './answered-in-time.js';
import { checkCommand, topicNames } from './check-command.js';
import { commitPositions } from './commit.js';
import type { Frame, SubscribeCommand, Subscriptions } from './frames.js';
import { createHub } from './hub.js';
import { type Pulled, type PullOne, pulled } from './pulled.js';
import { readerDeclaration } from './reader-version.js';
import { prepareSelect } from './select.js';
import { setPositions } from './set-positions.js';
import { sharedBounds } from './shared-bounds.js';
import { topicFor, topicWith } from './start.js';
import { type RunningStream, startStream } from './stream.js';
import { createTurns } from './turns.js';

export interface SubscriptionService extends Subscriptions {
  /** Ends every stream with an `end` frame, and resolves when the last commit is written. Commits go on until then. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

interface SubscriptionPorts {
  readonly log: EventLog;
  readonly coordination: Coordination;
  readonly topics: TopicsService;
  readonly authorizer: Authorizer;
  /** Default: none, and no stream has `max_deliveries` or `park_key_sequence`. */
  readonly parking?: StreamParking | undefined;
  /** Default: none, and no stream has a filter. */
  readonly filters?: FilterCompiler | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Where the caller does not choose. Milliseconds; default 10 s. */
  readonly heartbeatMs?: number | undefined;
  /** Default: all that this version knows. */
  readonly formats?: FormatLevel | undefined;
  /** What this instance is called where streams are listed. */
  readonly instance?: string | undefined;
  /** A stream ends because its client has not set its positions: for the log. */
  readonly onPositionsNotSet?:
    | ((facts: { readonly subscriber: string; readonly streamId: string }, message: string) => void)
    | undefined;
}

/** Of all topics of a stream: each frame's cursor names them all. */
const mostPartitions = 10_000;

/** The subscribe path, and commits. */
export function createSubscriptions({
  log,
  coordination,
  topics,
  authorizer,
  parking,
  filters,
  clock = systemClock,
  heartbeatMs = 10_000,
  formats = presentFormats,
  instance = 'this instance',
  onPositionsNotSet = () => undefined,
}: SubscriptionPorts): SubscriptionService {
  const hub = createHub(log, clock);
  const turns = createTurns(clock);
  const startLog = sharedBounds(log);
  const committer = createCommitter(coordination, clock, ({ topic: name, incarnation, partition }, next) =>
    hub.epochOf({ name, incarnation }, partition, next),
  );
  const memberships = createMemberships({
    coordination,
    clock,
    topics,
    instance,
    settle: (subscriber) => settleSubscriber({ coordination, topics }, subscriber),
  });
  const draining = createAnnouncement();
  const running = new Set<object>();
  /** The streams of subscribers that this instance serves, by id. */
  const served = new Map<string, RunningStream & { readonly subscriber: string }>();
  let allEnded: () => void = () => undefined;

  async function find(name: string, cursor: Cursor): Promise<ActiveTopic> {
    return topicFor(cursor, topics.peek(name) ?? (await topics.require(name)), topics);
  }

  const present = async (name: string) => topics.peek(name) ?? topics.require(name);

  /** The topics that there are at the start. */
  async function topicsOf(command: SubscribeCommand): Promise<ActiveTopic[]> {
    const { pattern, until, follow = true } = command;
    const matching = () => [...topics.all()].filter(({ name }) => matchesPattern(pattern ?? '', name));
    // A stream that says at its end that this was all has to know how many partitions there are.
    const isBounded = !follow || until !== undefined;
    await topics.confirm(pattern === undefined ? topicNames(command) : matching().map(({ name }) => name), isBounded);
    if (pattern !== undefined) return matching();
    const found = await namedTopics(command);
    if (until?.at !== 'cursor') return found;
    const cursor = decodeCursor(until.cursor);
    return Promise.all(found.map((topic) => topicFor(cursor, topic, topics)));
  }

  async function namedTopics(command: SubscribeCommand): Promise<ActiveTopic[]> {
    const { from, subscriber, partitions = [] } = command;
    const names = topicNames(command);
    const wanted = from?.at === 'offsets' ? [...partitions, ...from.offsets.keys()] : partitions;
    if (from?.at !== 'cursor') {
      return Promise.all(names.map(async (name) => topicWith(wanted, await present(name), topics)));
    }
    try {
      const cursor = decodeCursor(from.cursor);
      return await Promise.all(names.map(async (name) => topicWith(wanted, await find(name, cursor), topics)));
    } catch (error) {
      // A durable subscriber with a committed position needs no cursor; one without is told when its start is looked for.
      const ignored = subscriber !== undefined && error instanceof BusError && error.reason === 'CURSOR_MALFORMED';
      if (!ignored) throw error;
      return Promise.all(names.map(present));
    }
  }

  function subscribe(command: SubscribeCommand, callSignal: AbortSignal, takesLent = false): Pulled<Frame> {
    // Everything that the stream holds hangs on this signal: it fires when the caller goes, and when the stream ends by itself.
    const over = new AbortController();
    const { signal } = over;
    const onCallOver = () => over.abort(callSignal.reason);
    const token = {};

    async function open(): Promise<PullOne<Frame>> {
      checkCommand(command, authorizer);
      const selectOf = prepareSelect(command, { filters, turns, clock });
      if (draining.made) throw new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again');
      const found = await topicsOf(command);
      checkSize(found);
      // The shutdown may have begun, and have ended what ran, while topics were looked up.
      if (draining.made) throw new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again');
      // An abort that has happened already is not announced any more: nothing may be registered for it.
      if (callSignal.aborted) throw BusError.from(callSignal.reason);
      signal.throwIfAborted();
      callSignal.addEventListener('abort', onCallOver, { once: true });
      running.add(token);
      signal.addEventListener(
        'abort',
        () => {
          callSignal.removeEventListener('abort', onCallOver);
          running.delete(token);
          if (running.size === 0) allEnded();
        },
        { once: true },
      );
      const ports = {
        log: startLog,
        coordination,
        topics,
        hub,
        memberships,
        committer,
        parking,
        clock,
        formats,
        heartbeatMs,
        onPositionsNotSet,
        draining,
      };
      const [topic] = found;
      const declare = topic && (await readerDeclaration(ports, command, topic));
      signal.throwIfAborted();
      const stream = await startStream(ports, command, found, selectOf(found), takesLent, signal);
      const { subscriber } = command;
      if (subscriber !== undefined && !signal.aborted) {
        served.set(stream.streamId, { ...stream, subscriber });
        signal.addEventListener('abort', () => served.delete(stream.streamId), { once: true });
      }
      await declare?.(stream.streamId, signal);
      return stream.pull;
    }

    return pulled({ open, close: () => over.abort(), explain: toBusError });
  }

  /** A commit of what does not exist yet would skip events for ever: the end is asked for where it is not known to be far enough. */
  async function checkNotAhead(topic: ActiveTopic, partition: number, next: number): Promise<number | undefined> {
    const known = hub.highWatermark(topic, partition);
    if (known !== undefined && next <= known) return hub.epochOf(topic, partition, next);
    const { highWatermark, epoch } = await startLog.bounds(topic, partition);
    if (next <= highWatermark) return epoch;
    throw new BusError(
      'CURSOR_AHEAD',
      `the position ${next} in partition ${partition} of ${topic.name} lies beyond the end (${highWatermark}); nothing was committed`,
    );
  }

  const service: SubscriptionService = {
    subscribe,
    async commit(command, signal) {
      authorizer.authorize('commit', command.subscriber);
      signal.throwIfAborted();
      return commitPositions({ committer, find, checkNotAhead }, command);
    },
    async keepAlive(of, signal) {
      authorizer.authorize('commit', of.subscriber);
      checkSubscriberName(of.subscriber);
      signal.throwIfAborted();
      const stream = served.get(of.streamId);
      if (stream?.subscriber === of.subscriber) stream.keepAlive?.(of.generation);
      else await writeKeepAlive(coordination, clock, of).catch(rethrow);
    },
    async setPositions(of, positions, signal) {
      authorizer.authorize('commit', of.subscriber);
      checkSubscriberName(of.subscriber);
      signal.throwIfAborted();
      const stream = served.get(of.streamId);
      const own = stream?.subscriber === of.subscriber ? stream : undefined;
      await setPositions({ coordination, log: startLog, find }, of, positions, own).catch(rethrow);
    },
    async drain() {
      const ended = new Promise<void>((resolve) => {
        allEnded = resolve;
      });
      draining.make();
      if (running.size > 0) await ended;
      await memberships.drain();
      await committer.drain();
    },
    async close() {
      memberships.close();
      await hub.close();
    },
  };
  return { ...service, commit: answeredInTime(clock, service.commit) };
}

function rethrow(error: unknown): never {
  throw toBusError(error);
}

function checkSize(found: readonly ActiveTopic[]): void {
  const partitions = found.reduce((sum, { settings }) => sum + settings.partitions, 0);
  if (partitions <= mostPartitions) return;
  throw new BusError(
    'INVALID_REQUEST',
    `these ${found.length} topics have ${partitions} partitions; one stream serves at most ${mostPartitions}`,
  );
}
