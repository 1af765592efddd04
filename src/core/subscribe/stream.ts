import { BusError } from '../errors.js';
import type { FormatLevel } from '../fleet/format-level.js';
import type { Committer } from '../offsets/committer.js';
import { keyOf } from '../offsets/hand-over.js';
import { type StreamOf, streamIsOver } from '../offsets/keep-alive.js';
import type { MemberRequest, Membership } from '../offsets/member.js';
import type { Memberships } from '../offsets/memberships.js';
import { offsetsPath, type RecordedPosition, readStreamRecord, streamPath } from '../offsets/records.js';
import { redriveTopicOf } from '../parking/names.js';
import type { StreamParking } from '../parking/parking.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import { matchesPattern } from '../topics/pattern.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { Announcement } from './announcement.js';
import { createAutoCommits } from './auto-commits.js';
import { type Bound, createBound } from './bound.js';
import { createClientPositions } from './client-positions.js';
import type { CheckedPosition } from './commit.js';
import { createElsewhere, type Elsewhere } from './elsewhere.js';
import { createFlow } from './flow.js';
import { frameLoop } from './frame-loop.js';
import type { Frame, StartFrom, SubscribeCommand } from './frames.js';
import type { Hub } from './hub.js';
import { createPlainSource } from './plain-source.js';
import type { PullOne } from './pulled.js';
import { createScreening, type Screening } from './screening.js';
import type { Select } from './select.js';
import type { Selection } from './selection.js';
import { createServing, type Serving } from './serving.js';
import type { StartLog } from './shared-bounds.js';
import { createSharedSource } from './shared-source.js';
import { judgePosition, resolveStart, type StartPositions } from './start.js';
import { Suspects } from './suspects.js';
import { createWakeup, type Wakeup } from './wakeup.js';

export interface StreamPorts {
  readonly log: StartLog;
  readonly coordination: Coordination;
  readonly topics: Topics;
  readonly hub: Hub;
  readonly memberships: Memberships;
  readonly committer: Committer;
  readonly clock: Clock;
  readonly formats: FormatLevel;
  /** Undefined: no stream parks. */
  readonly parking: StreamParking | undefined;
  /** Where the caller does not choose. */
  readonly heartbeatMs: number;
  /** Made when the server begins to shut down. */
  readonly draining: Announcement;
  /** A stream ends because its client has not set its positions: for the log. */
  onPositionsNotSet(facts: { readonly subscriber: string; readonly streamId: string }, message: string): void;
}

/** What the parts of one stream share. */
interface Stream {
  readonly ports: StreamPorts;
  readonly command: SubscribeCommand;
  readonly streamId: string;
  /** The topics that there are at the start. */
  readonly found: readonly ActiveTopic[];
  readonly serving: Serving;
  readonly wakeup: Wakeup;
  readonly bound: Bound | undefined;
  readonly selection: Selection | undefined;
  readonly signal: AbortSignal;
  start(of: readonly ActiveTopic[], from: StartFrom): Promise<StartPositions>;
}

/** A stream that has started. */
export interface RunningStream {
  readonly streamId: string;
  /** Of a subscriber's stream: its consumer lives. Throws FENCED where the stream owns nothing under this generation. */
  readonly keepAlive?: (generation: number) => void;
  /** Its client says where partitions begin; `skip`: also where retention has removed the records. */
  readonly takesPositions?: 'fail' | 'skip' | undefined;
  /** Throws FENCED where the stream does not own all of the partitions under this generation. */
  readonly setPositions?: (of: StreamOf, positions: readonly CheckedPosition[]) => void;
  readonly pull: PullOne<Frame>;
}

/**
 * Starts one stream. Whoever has it pulls; between two pulls it holds positions only. All it has registered anywhere is released by the signal,
 * since whoever abandons it does not say so.
 *
 * @param found the topics that there are at the start.
 * @param select where not all of all records is asked for.
 * @param takesLent see `Subscriptions.subscribe`.
 */
export async function startStream(
  ports: StreamPorts,
  command: SubscribeCommand,
  found: readonly ActiveTopic[],
  select: Select | undefined,
  takesLent: boolean,
  signal: AbortSignal,
): Promise<RunningStream> {
  const { clock, draining, log, formats } = ports;
  const { pattern, partitions, subscriber, onExpired = 'fail', until } = command;
  const redrive = subscriber === undefined ? undefined : redriveTopicOf(subscriber);
  const wakeup = createWakeup(clock);
  const unlisten = draining.listen(wakeup.wake);
  let aborted: BusError | undefined;
  let failure: BusError | undefined;
  let membership: Membership | undefined;
  signal.addEventListener(
    'abort',
    () => {
      aborted = BusError.from(signal.reason);
      unlisten();
      wakeup.close();
    },
    { once: true },
  );
  const fail = (error: unknown) => {
    failure ??= BusError.from(error);
    wakeup.wake();
  };
  const serving = createServing({
    ...ports,
    wakeup,
    signal,
    before: until?.at === 'time' ? until.timestamp : undefined,
    // What a selection has looked at is kept for a while, with what was found in it.
    takesLent: takesLent && select === undefined,
    reclaim:
      subscriber === undefined
        ? undefined
        : (topic, partition) => membership?.reclaim(keyOf(topic, partition)) ?? false,
    onOpened: () => membership?.look(),
    onDeleted: (topic, error) => {
      if (pattern === undefined && topic !== redrive) fail(error);
    },
    onFailure: fail,
  });
  const start: Stream['start'] = (of, from) =>
    resolveStart(log, of, { from, onExpired, byPattern: pattern !== undefined, level: formats.level, partitions });
  await Promise.all(found.map((topic) => serving.open(topic)));
  const bound = await createBound({
    ...ports,
    command,
    topics() {
      const redriven = redrive === undefined ? undefined : ports.topics.peek(redrive);
      const named =
        pattern === undefined ? found : [...ports.topics.all()].filter(({ name }) => matchesPattern(pattern, name));
      return redriven ? [...named, redriven] : named;
    },
    known(ends) {
      for (const { topic, progress } of serving.all()) progress.endAt(ends.get(topic.name) ?? new Map());
      wakeup.wake();
    },
    fail,
    signal,
  });
  const streamId = clock.uuid();
  const selection = select?.({ wake: wakeup.wake, signal });
  const stream: Stream = { ports, command, streamId, found, serving, wakeup, bound, selection, signal, start };
  const common = { ...stream, aborted: () => aborted, failure: () => failure };

  if (subscriber === undefined) {
    const starts = await start(found, command.from ?? { at: 'latest' });
    const source = createPlainSource({ serving, topics: ports.topics, pattern, partitions, starts, bound, signal });
    return { streamId, pull: frameLoop({ ...common, source }) };
  }
  let elsewhere: Elsewhere | undefined;
  const elsewhereOnceKnown = () => {
    const { ends, topics: bounded = [] } = bound ?? {};
    if (ends) elsewhere ??= createElsewhere({ ...ports, subscriber, found: bounded, ends, wake: wakeup.wake, signal });
    return elsewhere;
  };
  const suspects = command.maxDeliveries === undefined ? undefined : new Suspects(command.maxDeliveries);
  const takesPositions = command.positionsFrom === 'client' ? onExpired : undefined;
  const positions = takesPositions && createClientPositions(clock);
  const shared = createSharedSource({
    serving,
    membership: () => membership,
    bound,
    elsewhere: elsewhereOnceKnown,
    positions,
  });
  membership = await join(stream, subscriber, {
    sent: shared.sent,
    departure: suspects && ((held, sent) => suspects.departure(held, sent)),
  });
  await membership.ready;
  const commits = createAutoCommits({ ...ports, subscriber, signal });
  const member = membership;
  const flow = createFlow({ ...ports, subscriber, streamId, command, wake: wakeup.wake, membership, suspects, signal });
  const screening = screeningOf(stream, subscriber, suspects);
  function apply(wanted: readonly RecordedPosition[]): void {
    for (const { key, next } of shared.setPositions(wanted)) flow.positioned(key, next);
    wakeup.wake();
  }

  if (positions) watchPositions(ports, { subscriber, streamId }, apply, signal);
  return {
    streamId,
    takesPositions,
    setPositions(of, wanted) {
      const named = wanted.map(({ topic, partition, next }) => {
        return { key: keyOf(topic, partition), next, generation: of.generation };
      });
      positions?.check(
        of,
        named.map(({ key }) => key),
        member.current().generation,
      );
      apply(named);
      flow.keepAlive();
    },
    keepAlive(generation) {
      const { generation: current } = member.current();
      if (current === undefined || generation > current) throw streamIsOver({ subscriber, streamId, generation });
      flow.keepAlive();
    },
    pull: frameLoop({ ...common, source: shared, shared: { source: shared, membership, flow, commits, screening } }),
  };
}

/** Undefined where the stream asks for nothing to be parked. */
function screeningOf(
  { ports, command, signal }: Stream,
  subscriber: string,
  suspects: Suspects | undefined,
): Screening | undefined {
  const { parking, clock } = ports;
  const { parkKeySequence = false } = command;
  if (!suspects && !parkKeySequence) return undefined;
  if (!parking) throw new BusError('UNIMPLEMENTED', 'this server cannot park records');
  return createScreening({ parking, suspects, inSequence: parkKeySequence, subscriber, clock, signal });
}

async function join(
  { ports, command, streamId, found, serving, wakeup, signal, start }: Stream,
  subscriber: string,
  own: Pick<MemberRequest, 'sent' | 'departure'>,
): Promise<Membership> {
  const { pattern, from } = command;
  const { log } = ports;
  const lives = new Set(found.map(({ incarnation }) => incarnation));
  // What a pattern has come to match while nobody was connected begins at its beginning: only a new subscriber chooses.
  const isOld =
    pattern !== undefined &&
    from !== undefined &&
    (await ports.coordination.children(offsetsPath(subscriber))).length > 0;
  signal.throwIfAborted();
  return ports.memberships.join({
    streamId,
    subscriber,
    subscription: pattern === undefined ? { topics: found.map(({ name }) => name) } : { pattern },
    readerSchemaVersion: command.readerSchemaVersion,
    takesPositions: command.positionsFrom === 'client' ? (command.onExpired ?? 'fail') : undefined,
    initial: async (topic) => {
      const chosen = lives.has(topic.incarnation) && !isOld ? from : undefined;
      return (await start([topic], chosen ?? { at: 'earliest' })).get(topic.name) ?? new Map();
    },
    async checkPosition({ topic, partition }, next, epoch) {
      const feed = serving.get(topic.name)?.feed.partitions[partition];
      const isEnough = feed && next <= feed.highWatermark && epoch === feed.epoch;
      const bounds = isEnough ? feed : await log.bounds(topic, partition);
      const at = await judgePosition(log, topic, partition, { next, epoch }, bounds);
      return { at, epoch: bounds.epoch };
    },
    isReady(topic) {
      if (serving.isOpen(topic)) return true;
      serving.openSoon(topic);
      return false;
    },
    ...own,
    onChange: wakeup.wake,
    signal,
  });
}

/** Positions that the client sets at other instances come through the stream's record. */
function watchPositions(
  { coordination }: StreamPorts,
  { subscriber, streamId }: Pick<StreamOf, 'subscriber' | 'streamId'>,
  apply: (positions: readonly RecordedPosition[]) => void,
  signal: AbortSignal,
): void {
  const path = streamPath(subscriber, streamId);
  const look = () => {
    coordination.get(path).then(
      (entry) => entry && apply(readStreamRecord(entry.value).positions ?? []),
      // The watch calls again when coordination is back.
      () => undefined,
    );
  };
  signal.addEventListener('abort', coordination.watch(path, 'value', look), { once: true });
}
