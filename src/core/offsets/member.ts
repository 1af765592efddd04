import { toBusError } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import { redriveTopicOf } from '../parking/names.js';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError, type Session } from '../ports/coordination.js';
import { createWakeup } from '../subscribe/wakeup.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { createHandOver, type HandOverOptions, type Held, type Target } from './hand-over.js';

/** What a stream owns at the moment. A new object for each change. */
export interface Ownership {
  /** Undefined while nothing is owned. */
  readonly generation: number | undefined;
  readonly partitions: readonly Held[];
  /** Others own everything that it may own: it takes over when one of them goes. */
  readonly waiting: boolean;
}

/** A stream's part in its subscriber. */
export interface Membership {
  /** What the stream owns now; checks the lease by the clock, so it is right even in a process that was paused. */
  current(): Ownership;
  /** Set when the stream cannot go on as a member at all. */
  readonly failure: BusError | undefined;
  /** An operator has moved or deleted the subscriber: the stream ends. */
  readonly wasReset: boolean;
  /** Resolves after the first decision about what the stream owns. Rejects if coordination, or a start position, is not to be had now. */
  readonly ready: Promise<void>;
  /** Whether others wait who could own what this stream owns. */
  readonly isWaitedFor: boolean;
  /** The stream has been idle for too long, or is heard of again: while it yields it owns only what nobody else may own. */
  yield(yields: boolean): void;
  /** See HandOver. */
  reclaim(key: string): boolean;
  /** A topic that the stream was not ready for can be served now. */
  look(): void;
}

export interface MemberRequest {
  readonly streamId: string;
  readonly subscriber: string;
  /** The topics by name, or those that match a pattern. */
  readonly subscription: { readonly topics: readonly string[] } | { readonly pattern: string };
  readonly readerSchemaVersion?: number | undefined;
  /** Its client says where partitions begin. */
  readonly takesPositions?: 'fail' | 'skip' | undefined;
  /** Where a subscriber starts in a topic that it has no position in yet. */
  initial(topic: ActiveTopic): Promise<ReadonlyMap<number, number>>;
  /** See HandOverOptions. */
  checkPosition: HandOverOptions['checkPosition'];
  /** Whether the topic can be served by now; if not, `look` tells when it can. */
  isReady(topic: ActiveTopic): boolean;
  /** Where the stream stands in a partition: everything before has been sent. */
  sent(held: Held): number;
  /** See `HandOverOptions.departure`. */
  departure?: HandOverOptions['departure'];
  /** Called after each change of `current()`, `failure` or `wasReset`. */
  onChange(): void;
  /** Ends the membership; others take over. */
  readonly signal: AbortSignal;
}

export interface MemberPorts extends Pick<HandOverOptions, 'writeFirstPositions'> {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly topics: Topics;
  isConnected(streamId: string): boolean;
  onSuperseded(at: { readonly topic: ActiveTopic; readonly partition: number }, generation: number): void;
  /** `phase` has changed, or what the member wishes. */
  onChange(): void;
}

/** A stream as its group has it. */
export interface Member {
  readonly request: MemberRequest;
  readonly membership: Membership;
  /**
   * `joining`: its record is to be written; `joined`; `leaving`: it is over, and waits for its last commit; `over`: its record is to be removed.
   */
  phase: 'joining' | 'joined' | 'leaving' | 'over';
  /** In which it serves: known with its first share. */
  epoch: string | undefined;
  /** What it wishes to be. */
  readonly yields: boolean;
  aim(target: Target, about: { readonly waiting: boolean; readonly isWaitedFor: boolean }, session: Session): void;
  /** Something that it may be waiting for has happened. */
  look(): void;
  /** The session is over: it owns nothing from now on, and has to join anew. */
  forget(): void;
  fail(error: unknown): void;
  /** Fails it if it has not begun yet: its caller rather tries again than waits. */
  failIfNew(error: unknown): void;
  reset(): void;
}

const nothing: Ownership = { generation: undefined, partitions: [], waiting: false };
const firstPauseMs = 100;
const longestPauseMs = 2_000;

export function createMember(ports: MemberPorts, request: MemberRequest): Member {
  const { clock, topics } = ports;
  const { signal } = request;
  const wakeup = createWakeup(clock);
  let ownership = nothing;
  let waiting = false;
  let isWaitedFor = false;
  let session: Session | undefined;
  let failure: BusError | undefined;
  let wasReset = false;
  let yields = false;
  let isRunning = false;
  let isReady = false;
  let onReady: () => void = () => undefined;
  let onNotReady: (error: unknown) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    onReady = resolve;
    onNotReady = reject;
  });
  ready.catch(() => undefined);

  const handOver = createHandOver({
    ...ports,
    ...request,
    confirm: async (topic) => {
      const { incarnation } = await topics.refresh(topic.name);
      if (incarnation !== topic.incarnation) throw BusError.topicDeleted(topic.name);
    },
    onChange: publish,
    look: wakeup.wake,
  });

  function publish(): void {
    const partitions = [...handOver.held.values()];
    ownership = {
      generation: partitions.length > 0 ? handOver.generation : undefined,
      partitions,
      waiting: waiting && partitions.length === 0,
    };
    request.onChange();
  }

  function move(phase: Member['phase']): void {
    if (member.phase === phase || member.phase === 'over') return;
    member.phase = phase;
    wakeup.wake();
    ports.onChange();
  }

  function isOver(): boolean {
    return member.phase === 'leaving' || member.phase === 'over';
  }

  /** What waiting may cure. */
  function isPassing(error: unknown): boolean {
    if (error instanceof CoordinationError) return error.kind !== 'too_large';
    if (!(error instanceof BusError)) return false;
    // Topics of a pattern come and go; the redrive topic goes with the subscriber.
    const isGone = error.reason === 'TOPIC_DELETED' || error.reason === 'TOPIC_NOT_FOUND';
    const mayGo = 'pattern' in request.subscription || error.metadata['topic'] === redriveTopicOf(request.subscriber);
    return error.retryable || (isGone && mayGo);
  }

  async function run(): Promise<void> {
    let pause = firstPauseMs;
    while (!isOver()) {
      let ms: number;
      try {
        ms = await handOver.settle();
        isReady = true;
        onReady();
        pause = firstPauseMs;
      } catch (error) {
        member.failIfNew(error);
        if (!isPassing(error)) member.fail(error);
        ms = pause * (1 + clock.random());
        pause = Math.min(longestPauseMs, pause * 2);
      }
      if (!isOver()) await wakeup.wait(Math.min(ms, 60_000));
    }
    wakeup.close();
  }

  const member: Member = {
    request,
    phase: 'joining',
    epoch: undefined,
    get yields() {
      return yields;
    },
    membership: {
      current: () => (session?.isLive() ? ownership : nothing),
      get failure() {
        return failure;
      },
      get wasReset() {
        return wasReset;
      },
      ready,
      get isWaitedFor() {
        return isWaitedFor;
      },
      yield(wanted) {
        if (yields === wanted) return;
        yields = wanted;
        ports.onChange();
      },
      reclaim: (key) => handOver.reclaim(key),
      look: wakeup.wake,
    },
    aim(target, about, at) {
      if (isOver()) return;
      session = at;
      isWaitedFor = about.isWaitedFor;
      const isNews = about.waiting && !waiting;
      waiting = about.waiting;
      handOver.aim(target, at);
      // One who waits no longer says so together with what it owns then.
      if (isNews && handOver.held.size === 0) publish();
      wakeup.wake();
      if (!isRunning) {
        isRunning = true;
        void run();
      }
    },
    look: wakeup.wake,
    forget() {
      session = undefined;
      waiting = false;
      handOver.forget();
      if (member.phase === 'joined') move('joining');
    },
    fail(error) {
      if (isOver()) return;
      failure = toBusError(error);
      onNotReady(failure);
      handOver.forget();
      request.onChange();
      move('over');
    },
    failIfNew(error) {
      if (!isReady) member.fail(error);
    },
    reset() {
      if (isOver()) return;
      wasReset = true;
      onReady();
      handOver.forget();
      request.onChange();
      move('over');
    },
  };

  signal.addEventListener(
    'abort',
    () => {
      onNotReady(signal.reason);
      if (isOver()) return;
      move('leaving');
      void handOver.finish().finally(() => move('over'));
    },
    { once: true },
  );
  return member;
}
