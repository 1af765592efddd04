import { BusError } from '../errors.js';
import { keyOf, type PartitionOf } from '../offsets/hand-over.js';
import type { Membership } from '../offsets/member.js';
import type { Clock } from '../ports/clock.js';
import type { ActiveTopic } from '../topics/topic.js';
import type { Announcement } from './announcement.js';
import type { AutoCommits, Reached } from './auto-commits.js';
import type { Bound } from './bound.js';
import type { Flow } from './flow.js';
import type { AssignmentInfo, EndReason, Frame, Progress, SubscribeCommand } from './frames.js';
import { createPassed } from './passed.js';
import type { Source } from './plain-source.js';
import type { Pull, PullOne } from './pulled.js';
import type { Screening } from './screening.js';
import type { Selection } from './selection.js';
import type { Serving } from './serving.js';
import type { SharedSource } from './shared-source.js';
import type { Wakeup } from './wakeup.js';

export interface FrameLoopOptions {
  readonly ports: {
    readonly clock: Clock;
    readonly draining: Announcement;
    readonly heartbeatMs: number;
    onPositionsNotSet(facts: { readonly subscriber: string; readonly streamId: string }, message: string): void;
  };
  readonly command: SubscribeCommand;
  readonly streamId: string;
  readonly serving: Serving;
  readonly source: Source;
  /** Of a subscriber's stream. */
  readonly shared?: SharedParts;
  readonly bound: Bound | undefined;
  readonly selection: Selection | undefined;
  readonly wakeup: Wakeup;
  /** Why the stream is over, once its signal has aborted. */
  aborted(): BusError | undefined;
  failure(): BusError | undefined;
}

export interface SharedParts {
  readonly source: SharedSource;
  readonly membership: Membership;
  readonly flow: Flow;
  readonly commits: AutoCommits;
  /** Of a stream with `max_deliveries` or `park_key_sequence`. */
  readonly screening: Screening | undefined;
}

/** How soon a client may come back to another instance, or to this one after its restart. */
const retryDelayMs = 1_000;
/** The reasons after which a client connects again. */
const comesBack: ReadonlySet<EndReason> = new Set(['shutting_down', 'subscriber_reset', 'positions_not_set']);

/** A frame with records or in place of some, and how far it takes which partitions. */
interface Parcel {
  readonly topic: ActiveTopic;
  readonly frame: Extract<Frame, { kind: 'events' | 'gap' }>;
  readonly reached: readonly Reached[];
}

/** A parcel that waits for something before it is sent: for its commit, or for a record to be parked. */
interface Pending {
  /** What is left of the parcel to be sent, once that is known. */
  finish: (() => Parcel | undefined) | undefined;
  /** The position of heartbeats meanwhile. */
  readonly before: { readonly cursor: string; readonly partitions: readonly Progress[] };
}

/** Turns what comes next into frames, one per pull; before each the ownership is looked at, and with it the lease. */
export function frameLoop(options: FrameLoopOptions): PullOne<Frame> {
  const { ports, command, streamId, serving, source, shared, bound, selection, wakeup } = options;
  const { clock, draining } = ports;
  const { commitMode = 'explicit' } = command;
  const passed = selection && commitMode !== 'explicit' ? createPassed(serving) : undefined;
  const heartbeatMs = command.heartbeatMs ?? ports.heartbeatMs;
  let left = command.limit ?? Number.POSITIVE_INFINITY;
  let pending: Pending | undefined;
  let failure: BusError | undefined;
  /** What was handed out last, until the next pull shows that it has been taken. */
  let handed: { readonly parcel: Parcel | undefined; readonly generation: number } | undefined;
  let lastFrame = clock.now();
  /** Records are passed over that the client does not see: it has to be told how far the stream is. */
  let isToldLess = selection !== undefined;
  /** The last cursor that such a stream has sent. */
  let toldCursor = '';
  let state: 'new' | 'running' | EndReason | 'over' = 'new';

  function update(): boolean {
    const changed = source.update();
    if (changed) shared?.flow.owns(shared.source.held);
    return changed;
  }

  function assignment(): AssignmentInfo {
    const topics = shared?.source.partitions() ?? serving.partitions();
    const topic = command.topic ?? (command.topics?.length === 1 ? command.topics[0] : undefined);
    const only = topic === undefined ? undefined : topics.find((each) => each.topic === topic);
    return {
      topic: topic ?? '',
      incarnation: only?.incarnation ?? '',
      partitions: only?.partitions ?? [],
      topics,
      generation: source.generation,
      cursor: serving.cursor(),
      waiting: source.waiting,
    };
  }

  function take(): Parcel | undefined {
    const room = Math.min(left, shared?.flow.room() ?? left);
    const taken = room > 0 ? serving.next(room, selection) : undefined;
    if (!taken) return undefined;
    const { topic, step } = taken;
    const { name, incarnation } = topic;
    const cursor = serving.cursor();
    if (step.kind === 'gap') {
      const { partition, to } = step;
      return { topic, frame: { ...step, topic: name, incarnation, cursor }, reached: [{ topic, partition, next: to }] };
    }
    const { deliveries, lent } = step;
    const frame = { kind: 'events', topic: name, incarnation, deliveries, cursor, lent } as const;
    if (commitMode === 'explicit') return { topic, frame, reached: [] };
    if (passed) return { topic, frame, reached: passed() };
    const progress = serving.get(topic.name)?.progress;
    const reached = [...new Set(step.deliveries.map(({ partition }) => partition))].map((partition) => {
      return { topic, partition, next: progress?.at(partition) ?? 0 };
    });
    return { topic, frame, reached };
  }

  /** Takes the next parcel, and begins to commit it. */
  function takePending(commits: AutoCommits): void {
    const before = { cursor: serving.cursor(), partitions: serving.report() };
    const parcel = take();
    if (!parcel) return;
    const { reached } = parcel;
    suspend(before, commits.before(reached, source.generation ?? 0), (committed) => {
      drop(reached.filter(({ topic, partition }) => !committed.has(keyOf(topic, partition))));
      return committedPart(parcel, committed, serving.cursor());
    });
  }

  /** Takes the next parcel. Records that are not to be sent are parked first. */
  function takeScreened(screening: Screening): Parcel | undefined {
    const before = screening.isActive ? { cursor: serving.cursor(), partitions: serving.report() } : undefined;
    const parcel = take();
    if (!before || parcel?.frame.kind !== 'events') return parcel;
    const { frame } = parcel;
    const screened = screening.screen(parcel.topic, frame.deliveries, source.generation ?? 0);
    if (!screened) return parcel;
    suspend(before, screened, ({ deliveries, lost }) => {
      drop(lost);
      isToldLess ||= deliveries.length < frame.deliveries.length;
      return deliveries.length > 0
        ? { ...parcel, frame: { ...frame, deliveries, cursor: serving.cursor() } }
        : undefined;
    });
    return undefined;
  }

  function suspend<T>(before: Pending['before'], work: Promise<T>, finish: (result: T) => Parcel | undefined): void {
    const started: Pending = { finish: undefined, before };
    pending = started;
    work.then(
      (result) => {
        started.finish = () => finish(result);
        wakeup.wake();
      },
      (error: unknown) => {
        failure ??= BusError.from(error);
        wakeup.wake();
      },
    );
  }

  function hand(frame: Frame, parcel?: Parcel): Pull<Frame> {
    const { generation = 0 } = source;
    if (parcel?.frame.kind === 'events') {
      const { topic } = parcel;
      left -= parcel.frame.deliveries.length;
      shared?.flow.sent(parcel.frame.deliveries, (partition) => keyOf(topic, partition));
    }
    if ('cursor' in frame) toldCursor = frame.cursor;
    shared?.flow.handed();
    handed = { parcel, generation };
    return { done: false, value: frame };
  }

  /** The transport has taken what it was handed: it pulls again. */
  function taken({ parcel, generation }: NonNullable<typeof handed>): void {
    handed = undefined;
    shared?.flow.taken(parcel !== undefined);
    lastFrame = clock.now();
    if (commitMode === 'on_delivery' || passed) shared?.commits.after(parcel?.reached ?? passed?.() ?? [], generation);
  }

  /** What the client has not said the position of in time. */
  function overdue(): string | undefined {
    const positions = shared?.source.positions;
    if (!positions || clock.now() < positions.dueAt) return undefined;
    const [first] = positions.awaiting.values();
    const which = `partition ${first?.partition ?? 0} of ${first?.topic.name ?? ''}`;
    return `no position was set for ${which} in time (${positions.awaiting.size} in all have none): others get what this stream owns`;
  }

  function end(reason: EndReason, why?: string): Pull<Frame> {
    state = 'over';
    const delayMs = comesBack.has(reason) ? retryDelayMs : undefined;
    const message = why ?? selection?.tooCostly ?? selection?.note;
    return { done: false, value: { kind: 'end', reason, cursor: serving.cursor(), retryDelayMs: delayMs, message } };
  }

  /** Ends once nothing is being committed any more. */
  function endSettled(reason: EndReason): Pull<Frame> {
    if (!shared) return end(reason);
    if (passed) shared.commits.after(passed(), source.generation ?? 0);
    state = reason;
    return shared.commits.settled();
  }

  /** A failed commit means that another stream owns the partition now: no cursor may say that this stream has sent the records it had taken. */
  function drop(partitions: readonly PartitionOf[]): void {
    for (const { topic, partition } of partitions) {
      const served = serving.get(topic.name);
      if (served?.topic.incarnation === topic.incarnation) served.progress.drop(partition);
    }
  }

  /** What comes next, if there is something. */
  function next(): Pull<Frame> | undefined {
    if (pending) {
      const { finish } = pending;
      if (!finish) return undefined;
      pending = undefined;
      const parcel = finish();
      if (parcel) return hand(parcel.frame, parcel);
      // Nothing is left of it: look again at once.
      wakeup.wake();
      return undefined;
    }
    if (update()) return hand({ kind: 'assignment', assignment: assignment() });
    if (shared && commitMode === 'before_delivery') {
      takePending(shared.commits);
      return undefined;
    }
    const parcel = shared?.screening ? takeScreened(shared.screening) : take();
    return parcel && hand(parcel.frame, parcel);
  }

  /** All that is left until the end was passed over: others of the subscriber wait for that to be committed, and the client has to be told how far it is. */
  function isQuietlyDone(): boolean {
    return (
      !pending &&
      shared !== undefined &&
      isToldLess &&
      bound?.ends !== undefined &&
      serving.done &&
      serving.cursor() !== toldCursor
    );
  }

  /** Waits for something to come next; after the heartbeat's time there is one. */
  function wait(): Pull<Frame> {
    const patience = lastFrame + heartbeatMs - clock.now();
    const untilDue = (shared?.source.positions?.dueAt ?? Number.POSITIVE_INFINITY) - clock.now();
    if (patience > 0 && !isQuietlyDone()) return wakeup.wait(Math.max(0, Math.min(patience, untilDue)));
    const { cursor, partitions } = pending?.before ?? { cursor: serving.cursor(), partitions: serving.report() };
    return hand({ kind: 'heartbeat', cursor, partitions, filterErrors: selection?.filterErrors });
  }

  return () => {
    if (state === 'over') return { done: true, value: undefined };
    if (state === 'new') {
      state = 'running';
      update();
      return hand({ kind: 'ready', streamId, cursor: serving.cursor(), assignment: assignment() });
    }
    if (state !== 'running') return end(state);
    if (handed) taken(handed);
    if (left <= 0) return endSettled('limit');
    const aborted = options.aborted();
    if (aborted) throw aborted;
    if (shared?.membership.wasReset) return end('subscriber_reset');
    const trouble = failure ?? options.failure() ?? shared?.membership.failure;
    if (trouble) throw trouble;
    // What is being committed is sent, or lost.
    if (draining.made && !pending) return end('shutting_down');
    const late = overdue();
    if (late !== undefined) {
      ports.onPositionsNotSet({ subscriber: command.subscriber ?? '', streamId }, late);
      return end('positions_not_set', late);
    }
    const found = next();
    if (found !== undefined) return found;
    // It may just have turned out.
    if (selection?.tooCostly !== undefined && !pending) return endSettled('filter_too_costly');
    if (bound?.ends && !pending && source.isSettled && serving.done) return endSettled(bound.reason);
    return wait();
  };
}

/** What of a parcel may be sent: the partitions that are committed. The others are delivered by somebody else. */
function committedPart(parcel: Parcel, committed: ReadonlySet<string>, cursor: string): Parcel | undefined {
  const { topic, frame } = parcel;
  if (frame.kind === 'gap')
    return committed.has(keyOf(topic, frame.partition)) ? { ...parcel, frame: { ...frame, cursor } } : undefined;
  const deliveries = frame.deliveries.filter(({ partition }) => committed.has(keyOf(topic, partition)));
  return deliveries.length > 0 ? { ...parcel, frame: { ...frame, deliveries, cursor } } : undefined;
}
