import { BusError } from '../errors.js';
import { keyOf } from '../offsets/hand-over.js';
import type { Membership } from '../offsets/member.js';
import type { Clock } from '../ports/clock.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { Announcement } from './announcement.js';
import type { AutoCommits, Reached } from './auto-commits.js';
import type { Flow } from './flow.js';
import type { AssignmentInfo, EndReason, Frame, Progress, SubscribeCommand } from './frames.js';
import type { Source } from './plain-source.js';
import type { Serving } from './serving.js';
import type { SharedSource } from './shared-source.js';
import type { Wakeup } from './wakeup.js';

export interface FrameLoopOptions {
  readonly ports: { readonly clock: Clock; readonly draining: Announcement; readonly heartbeatMs: number };
  readonly command: SubscribeCommand;
  readonly streamId: string;
  readonly serving: Serving;
  readonly source: Source;
  /** Of a subscriber's stream. */
  readonly shared?: SharedParts;
  readonly wakeup: Wakeup;
  readonly signal: AbortSignal;
  failure(): BusError | undefined;
}

export interface SharedParts {
  readonly source: SharedSource;
  readonly membership: Membership;
  readonly flow: Flow;
  readonly commits: AutoCommits;
}

/** How soon a client may come back to another instance, or to this one after its restart. */
const retryDelayMs = 1_000;

/** A frame with records or in place of some, and how far it takes which partitions. */
interface Parcel {
  readonly topic: ActiveTopic;
  readonly frame: Extract<Frame, { kind: 'events' | 'gap' }>;
  readonly reached: readonly Reached[];
}

/** A parcel that is being committed before it is sent. */
interface Pending extends Parcel {
  /** The keys of the partitions that are committed. */
  committed: ReadonlySet<string> | undefined;
  /** What a heartbeat says meanwhile. */
  readonly before: { readonly cursor: string; readonly partitions: readonly Progress[] };
}

/** Turns what comes next into frames, one per pull; before each the ownership is looked at, and with it the lease. */
export async function* runFrames(options: FrameLoopOptions): AsyncGenerator<Frame, void, undefined> {
  const { ports, command, streamId, serving, source, shared, wakeup, signal } = options;
  const { clock, draining } = ports;
  const { follow = true, commitMode = 'explicit' } = command;
  const heartbeatMs = command.heartbeatMs ?? ports.heartbeatMs;
  let left = command.limit ?? Number.POSITIVE_INFINITY;
  let pending: Pending | undefined;
  let failure: BusError | undefined;

  function update(): boolean {
    const changed = source.update();
    if (changed) shared?.flow.owns(shared.source.held);
    return changed;
  }

  function assignment(): AssignmentInfo {
    const topics = serving.partitions();
    const topic = command.topic ?? (command.topics?.length === 1 ? command.topics[0] : undefined);
    return {
      topic: topic ?? '',
      partitions: topic === undefined ? [] : (topics.find((each) => each.topic === topic)?.partitions ?? []),
      topics,
      generation: source.generation,
      cursor: serving.cursor(),
      waiting: source.waiting,
    };
  }

  function take(): Parcel | undefined {
    const room = Math.min(left, shared?.flow.room() ?? left);
    const taken = room > 0 ? serving.next(room) : undefined;
    if (!taken) return undefined;
    const { topic, step } = taken;
    const cursor = serving.cursor();
    if (step.kind === 'gap') {
      const { partition, to } = step;
      return { topic, frame: { ...step, topic: topic.name, cursor }, reached: [{ topic, partition, next: to }] };
    }
    const frame = { kind: 'events', topic: topic.name, deliveries: step.deliveries, cursor } as const;
    if (commitMode === 'explicit') return { topic, frame, reached: [] };
    const progress = serving.get(topic.name)?.progress;
    const reached = [...new Set(step.deliveries.map(({ partition }) => partition))].map((partition) => {
      return { topic, partition, next: progress?.at(partition) ?? 0 };
    });
    return { topic, frame, reached };
  }

  /** Takes what comes next, and begins to commit it. */
  function takePending(commits: AutoCommits): void {
    const before = { cursor: serving.cursor(), partitions: serving.report() };
    const parcel = take();
    if (!parcel) return;
    const started: Pending = { ...parcel, committed: undefined, before };
    pending = started;
    commits.before(parcel.reached, source.generation ?? 0).then(
      (committed) => {
        started.committed = committed;
        wakeup.wake();
      },
      (error: unknown) => {
        failure ??= BusError.from(error);
        wakeup.wake();
      },
    );
  }

  function end(reason: EndReason, delayMs?: number): Frame {
    return { kind: 'end', reason, cursor: serving.cursor(), retryDelayMs: delayMs, message: undefined };
  }

  update();
  shared?.flow.handed();
  yield { kind: 'ready', streamId, cursor: serving.cursor(), assignment: assignment() };
  shared?.flow.taken(false);

  let lastFrame = clock.now();
  while (true) {
    if (signal.aborted) throw BusError.from(signal.reason);
    if (shared?.membership.wasReset) return yield end('subscriber_reset', retryDelayMs);
    const trouble = failure ?? options.failure() ?? shared?.membership.failure;
    if (trouble) throw trouble;
    // What is being committed is sent, or lost.
    if (draining.made && !pending) return yield end('shutting_down', retryDelayMs);

    let frame: Frame | undefined;
    let parcel: Parcel | undefined;
    if (pending) {
      parcel = pending.committed && committedPart(pending, pending.committed);
      if (pending.committed) pending = undefined;
    } else if (update()) {
      frame = { kind: 'assignment', assignment: assignment() };
    } else if (shared && commitMode === 'before_delivery') {
      takePending(shared.commits);
    } else {
      parcel = take();
    }
    frame ??= parcel?.frame;
    if (frame) {
      const { generation = 0 } = source;
      if (parcel) left -= countOf(parcel.frame);
      if (parcel?.frame.kind === 'events') {
        const { topic } = parcel;
        shared?.flow.sent(parcel.frame.deliveries, (partition) => keyOf(topic, partition));
      }
      shared?.flow.handed();
      yield frame;
      shared?.flow.taken(parcel !== undefined);
      lastFrame = clock.now();
      if (parcel && commitMode === 'on_delivery') shared?.commits.after(parcel.reached, generation);
      if (left <= 0) {
        await shared?.commits.settled();
        return yield end('limit');
      }
      continue;
    }
    if (!follow && !pending && source.isSettled && serving.done) {
      await shared?.commits.settled();
      return yield end('caught_up');
    }

    const patience = lastFrame + heartbeatMs - clock.now();
    if (patience > 0) {
      await wakeup.wait(patience);
    } else {
      const { cursor, partitions } = pending?.before ?? { cursor: serving.cursor(), partitions: serving.report() };
      shared?.flow.handed();
      yield { kind: 'heartbeat', cursor, partitions };
      shared?.flow.taken(false);
      lastFrame = clock.now();
      if (commitMode === 'on_delivery') shared?.commits.after([], 0);
    }
  }
}

/** What of a parcel may be sent: the partitions that are committed. The others are delivered by somebody else. */
function committedPart(parcel: Parcel, committed: ReadonlySet<string>): Parcel | undefined {
  const { topic, frame } = parcel;
  if (frame.kind === 'gap') return committed.has(keyOf(topic, frame.partition)) ? parcel : undefined;
  const deliveries = frame.deliveries.filter(({ partition }) => committed.has(keyOf(topic, partition)));
  return deliveries.length > 0 ? { ...parcel, frame: { ...frame, deliveries } } : undefined;
}

function countOf(frame: Parcel['frame']): number {
  return frame.kind === 'events' ? frame.deliveries.length : 0;
}
