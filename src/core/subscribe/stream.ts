import { BusError } from '../errors.js';
import { joinSubscriber, type Membership, type Ownership } from '../offsets/membership.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import type { Announcement } from './announcement.js';
import type { AssignmentInfo, Frame, SubscribeCommand } from './frames.js';
import type { TopicFeed } from './hub.js';
import { waitOutLog } from './log-away.js';
import { createProgress, type StreamProgress } from './progress.js';
import type { StartLog } from './shared-bounds.js';
import { type Positions, resolveStart } from './start.js';
import { createWakeup, type Wakeup } from './wakeup.js';

export interface StreamPorts {
  readonly log: StartLog;
  readonly coordination: Coordination;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly feed: TopicFeed;
  /** Where the caller does not choose. */
  readonly heartbeatMs: number;
  /** Made when the server begins to shut down. */
  readonly draining: Announcement;
}

/** How soon a client may come back to another instance, or to this one after its restart. */
const retryDelayMs = 1_000;

/** What a stream shares between its generator and what calls back into it. */
interface StreamState {
  readonly topic: ActiveTopic;
  readonly wakeup: Wakeup;
  readonly progress: StreamProgress;
  failure: BusError | undefined;
  /** How many partitions the topic has by now, as far as the feed follows them. */
  partitions: number;
}

/**
 * One stream: takes what the hub has at its positions and turns it into frames. Whoever runs it pulls; between two pulls it holds
 * positions only. All it has registered anywhere is released by the signal, since an abandoned generator is never resumed.
 */
export async function* runStream(
  ports: StreamPorts,
  command: SubscribeCommand,
  topic: ActiveTopic,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
  const { clock, feed, draining } = ports;
  const streamId = clock.uuid();
  const wakeup = createWakeup(clock);
  const progress = createProgress(topic, feed, wakeup, clock, signal);
  const state: StreamState = { topic, wakeup, progress, failure: undefined, partitions: topic.settings.partitions };
  const follow = command.follow ?? true;
  const heartbeatMs = command.heartbeatMs ?? ports.heartbeatMs;
  let left = command.limit ?? Number.POSITIVE_INFINITY;

  const membership = listen(ports, command, state, streamId, signal);
  const start = (at: SubscribeCommand['from'], otherwise: 'earliest' | 'latest') =>
    resolveStart(ports.log, topic, at ?? { at: otherwise }, command.onExpired ?? 'fail');
  const ends = follow ? undefined : await start({ at: 'latest' }, 'latest');

  let owned: Ownership | undefined;
  let served = topic.settings.partitions;
  if (membership) {
    await membership.ready;
    owned = membership.current();
    if (owned) takeUp(state, owned, ends);
  } else {
    progress.serve(await start(command.from, 'latest'), ends);
  }
  const assignment = (): AssignmentInfo => {
    const partitions = membership ? [...(owned?.positions.keys() ?? [])] : [...Array(served).keys()];
    return { topic: topic.name, partitions, generation: owned?.generation, cursor: progress.cursor() };
  };
  yield { kind: 'ready', streamId, cursor: progress.cursor(), assignment: assignment() };

  let lastFrame = clock.now();
  while (true) {
    if (signal.aborted) throw BusError.from(signal.reason);
    if (state.failure ?? membership?.failure) throw state.failure ?? membership?.failure;
    if (draining.made) return yield endFrame('shutting_down', progress, retryDelayMs);

    let frame: Frame | undefined;
    if (membership && membership.current() !== owned) {
      owned = membership.current();
      if (owned) takeUp(state, owned, ends);
      else progress.serve(new Map());
      frame = { kind: 'assignment', assignment: assignment() };
    } else if (!membership && follow && state.partitions > served) {
      for (; served < state.partitions; served++) progress.add(served, 0);
      frame = { kind: 'assignment', assignment: assignment() };
    } else {
      const step = progress.next(left);
      if (step?.kind === 'events') {
        left -= step.deliveries.length;
        frame = { kind: 'events', topic: topic.name, deliveries: step.deliveries, cursor: progress.cursor() };
      } else if (step) {
        frame = { ...step, topic: topic.name, cursor: progress.cursor() };
      }
    }
    if (frame) {
      yield frame;
      lastFrame = clock.now();
      if (left <= 0) return yield endFrame('limit', progress);
      continue;
    }
    if (!follow && (!membership || owned) && progress.done) return yield endFrame('caught_up', progress);

    const patience = lastFrame + heartbeatMs - clock.now();
    if (patience > 0) {
      await wakeup.wait(patience);
    } else {
      yield { kind: 'heartbeat', cursor: progress.cursor(), partitions: progress.report() };
      lastFrame = clock.now();
    }
  }
}

function takeUp(state: StreamState, owned: Ownership, ends: Positions | undefined): void {
  const positions = new Map([...owned.positions].map(([partition, { next }]) => [partition, next]));
  state.progress.serve(positions, ends);
  for (const [partition, { next, recreated }] of owned.positions) {
    if (recreated === undefined) continue;
    state.progress.announce({
      kind: 'gap',
      partition,
      from: recreated,
      to: next,
      reason: 'topic_recreated',
      message: `the committed offset ${recreated} is of an earlier topic ${state.topic.name}, deleted since; this one starts at its beginning`,
    });
  }
}

function endFrame(
  reason: Extract<Frame, { kind: 'end' }>['reason'],
  progress: StreamProgress,
  delayMs?: number,
): Frame {
  return { kind: 'end', reason, cursor: progress.cursor(), retryDelayMs: delayMs };
}

/** Hears of all that concerns the stream, until the signal; joins the subscriber where there is one. */
function listen(
  ports: StreamPorts,
  command: SubscribeCommand,
  state: StreamState,
  streamId: string,
  signal: AbortSignal,
): Membership | undefined {
  const { topic, wakeup } = state;
  let membership: Membership | undefined;

  function fail(error: unknown): void {
    state.failure ??= BusError.from(error);
    wakeup.wake();
  }

  /** Partitions that are added count once the feed has them: while the log is away the stream goes on without. */
  async function grow(partitions: number): Promise<void> {
    await waitOutLog(ports.clock, () => ports.feed.grow(partitions), signal);
    state.partitions = Math.max(state.partitions, partitions);
    membership?.grow(state.partitions);
    wakeup.wake();
  }

  const release = [
    ports.draining.listen(wakeup.wake),
    ports.feed.listen(wakeup.wake),
    ports.topics.watch(topic, (now) => {
      if (now instanceof BusError) fail(now);
      else grow(now.settings.partitions).catch(fail);
    }),
  ];
  if (command.subscriber !== undefined) {
    membership = joinSubscriber({
      coordination: ports.coordination,
      clock: ports.clock,
      streamId,
      subscriber: command.subscriber,
      topic: topic.name,
      incarnation: topic.incarnation,
      partitions: topic.settings.partitions,
      initial: () => resolveStart(ports.log, topic, command.from ?? { at: 'earliest' }, command.onExpired ?? 'fail'),
      confirm: async () => {
        const { incarnation } = await ports.topics.refresh(topic.name);
        if (incarnation !== topic.incarnation) throw BusError.topicDeleted(topic.name);
      },
      onChange: wakeup.wake,
      signal,
    });
  }
  signal.addEventListener(
    'abort',
    () => {
      for (const each of release) each();
      wakeup.wake();
    },
    { once: true },
  );
  return membership;
}
