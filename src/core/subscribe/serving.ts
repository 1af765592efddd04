import { encodeCursor, type TopicCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import type { FormatLevel } from '../fleet/format-level.js';
import type { Clock } from '../ports/clock.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { Fifo, type Queueable } from './fifo.js';
import type { Progress, ServedPartitions } from './frames.js';
import type { Hub, TopicFeed } from './hub.js';
import { createLoads } from './loads.js';
import { waitOutLog } from './log-away.js';
import { PositionLost } from './position.js';
import { createProgress, type Step, type StreamProgress } from './progress.js';
import type { Selection } from './selection.js';
import { truncatedCursor } from './start.js';
import type { Wakeup } from './wakeup.js';

/** A topic as one stream follows it. */
export interface Served {
  readonly topic: ActiveTopic;
  readonly feed: TopicFeed;
  readonly progress: StreamProgress;
}

/** The topics of one stream: follows them, and takes what is next from them in turns. Everything is released by the stream's signal. */
export interface Serving {
  /** Follows a topic, in place of an earlier one of that name. No partition of it is served yet. Throws LOG_UNAVAILABLE, TOPIC_NOT_FOUND. */
  open(topic: ActiveTopic): Promise<void>;
  /** The same in the background, waiting out an unavailable log; `onOpened` tells. */
  openSoon(topic: ActiveTopic): void;
  /** Whether a topic is followed in this life of it, with all its partitions. */
  isOpen(topic: ActiveTopic): boolean;
  /** Follows a topic no more. */
  close(name: string): void;
  get(name: string): Served | undefined;
  all(): Iterable<Served>;
  /** Another number whenever a topic was opened or closed, or has got partitions. */
  readonly changes: number;
  /** What comes next, of at most so many records. Throws CURSOR_AHEAD. */
  next(maxRecords: number, selection?: Selection): { readonly topic: ActiveTopic; readonly step: Step } | undefined;
  /** Whether all partitions that are served have come to their end. */
  readonly done: boolean;
  /** The position in all partitions that are served; empty if there is none. */
  cursor(): string;
  report(): Progress[];
  /** By topic, in order of name: the partitions that are served; only topics of which there are some. */
  partitions(): ServedPartitions[];
}

export interface ServingPorts {
  readonly hub: Hub;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly wakeup: Wakeup;
  /** Releases everything. */
  readonly signal: AbortSignal;
  /** Records of this time (milliseconds since 1970) or later are not sent: a partition ends at the first one, unless publishers give the times. */
  readonly before?: number | undefined;
  /** Whoever asks for what comes next is done with the records that came before. */
  readonly takesLent: boolean;
  readonly formats: FormatLevel;
  /** See ProgressPorts. */
  readonly reclaim?: ((topic: ActiveTopic, partition: number) => boolean) | undefined;
  /** A topic is open now, or has all its new partitions. */
  onOpened(): void;
  /** A topic that is followed is no more; it is closed already. */
  onDeleted(topic: string, error: BusError): void;
  /** What waiting does not cure. */
  onFailure(error: unknown): void;
}

/** A topic with what ends its following; it stands in the queue of those that may have something to send. */
interface OpenTopic extends Served, Queueable {
  readonly release: readonly (() => void)[];
}

export function createServing({
  hub,
  topics,
  clock,
  wakeup,
  signal,
  before,
  takesLent,
  formats,
  reclaim,
  onOpened,
  onDeleted,
  onFailure,
}: ServingPorts): Serving {
  const open = new Map<string, OpenTopic>();
  const opening = new Set<string>();
  const loads = createLoads(wakeup, clock, signal);
  const ready = new Fifo<OpenTopic>();
  /** The open topics by name, made when it is asked for. */
  let sorted: readonly Served[] | undefined;
  let changes = 0;

  // The positions stay: who hands over wants to know how far the stream has come.
  signal.addEventListener('abort', () => [...open.keys()].forEach(release), { once: true });

  function release(name: string): void {
    for (const each of open.get(name)?.release ?? []) each();
  }

  function changed(): void {
    changes++;
    sorted = undefined;
  }

  function byName(): readonly Served[] {
    sorted ??= [...open.values()].sort((a, b) => (a.topic.name < b.topic.name ? -1 : 1));
    return sorted;
  }

  function close(name: string): void {
    release(name);
    if (open.delete(name)) changed();
  }

  function deleted(name: string, error: BusError): void {
    close(name);
    onDeleted(name, error);
    wakeup.wake();
  }

  /** Partitions that are added count once the feed has them: while the log is away the stream goes on without. */
  async function grow(served: Served, topic: ActiveTopic): Promise<void> {
    await waitOutLog(clock, () => served.feed.grow(topic), signal);
    changed();
    onOpened();
    wakeup.wake();
  }

  async function follow(topic: ActiveTopic): Promise<void> {
    signal.throwIfAborted();
    const { feed, release: unfollow } = await hub.follow(topic);
    if (signal.aborted) unfollow();
    signal.throwIfAborted();
    close(topic.name);
    const onReady = () => ready.push(opened);
    const progress = createProgress(topic, feed, {
      wakeup,
      clock,
      loads,
      signal,
      before: topic.publisherTime ? undefined : before,
      takesLent,
      onReady,
      reclaim: reclaim && ((partition) => reclaim(topic, partition)),
    });
    const served: Served = { topic, feed, progress };
    const unlisten = feed.listen((partition) => {
      if (progress.moved(partition)) wakeup.wake();
    });
    const unwatch = topics.watch(topic, (now) => {
      if (open.get(topic.name)?.feed !== feed) return;
      if (now instanceof BusError) deleted(topic.name, now);
      else {
        grow(served, now).catch((error: unknown) => {
          if (signal.aborted) return;
          if (isGone(error)) deleted(topic.name, BusError.topicDeleted(topic.name));
          else onFailure(error);
        });
      }
    });
    const opened: OpenTopic = { ...served, queued: false, release: [unlisten, unwatch, unfollow] };
    open.set(topic.name, opened);
    // It may have failed already.
    onReady();
    changed();
  }

  function cursorParts(): TopicCursor[] {
    const parts: TopicCursor[] = [];
    for (const { topic, progress } of byName()) {
      const positions = progress.positions();
      if (positions.length > 0) parts.push({ topic: topic.name, incarnation: topic.incarnation, positions });
    }
    return parts;
  }

  function stepOf({ topic, progress }: Served, maxRecords: number, selection: Selection | undefined): Step | undefined {
    try {
      return progress.next(maxRecords, selection);
    } catch (error) {
      if (error instanceof PositionLost) {
        const { partition, position: asked, at: first } = error;
        throw truncatedCursor(cursorParts(), [{ topic: topic.name, partition, asked, first }], formats.level);
      }
      if (!(error instanceof BusError && error.reason === 'TOPIC_DELETED')) throw error;
      deleted(topic.name, error);
      return undefined;
    }
  }

  return {
    open: follow,
    openSoon(topic) {
      const key = `${topic.name}/${topic.incarnation}`;
      // One that is open and lacks partitions is growing already.
      if (opening.has(key) || open.get(topic.name)?.topic.incarnation === topic.incarnation) return;
      opening.add(key);
      waitOutLog(clock, () => follow(topic), signal)
        .then(onOpened, (error: unknown) => {
          if (signal.aborted) return;
          if (isGone(error)) onDeleted(topic.name, BusError.topicDeleted(topic.name));
          else onFailure(error);
        })
        .finally(() => {
          opening.delete(key);
          wakeup.wake();
        });
    },
    isOpen({ name, incarnation, settings }) {
      const feed = open.get(name)?.feed;
      return feed?.incarnation === incarnation && !feed.failure && feed.partitions.length >= settings.partitions;
    },
    close,
    get: (name) => open.get(name),
    all: () => open.values(),
    get changes() {
      return changes;
    },
    next(maxRecords, selection) {
      let found: ReturnType<Serving['next']>;
      for (let left = ready.size; left > 0 && !found; left--) {
        const served = ready.shift();
        if (!served || open.get(served.topic.name) !== served) continue;
        const step = stepOf(served, maxRecords, selection);
        if (served.progress.isReady) ready.push(served);
        if (step) found = { topic: served.topic, step };
      }
      // What comes after this step is read while it is sent.
      loads.pump();
      return found;
    },
    get done() {
      for (const { progress } of open.values()) if (!progress.done) return false;
      return true;
    },
    cursor() {
      const parts = cursorParts();
      return parts.length > 0 ? encodeCursor(parts, formats.level) : '';
    },
    report: () =>
      byName().flatMap(({ topic: { name: topic, incarnation }, progress }) =>
        progress.report().map((each) => ({ topic, incarnation, ...each })),
      ),
    partitions: () =>
      byName().flatMap(({ topic, progress }) => {
        const partitions = progress.positions().map(([partition]) => partition);
        const { name, incarnation } = topic;
        return partitions.length > 0 ? [{ topic: name, incarnation, partitions }] : [];
      }),
  };
}

/** This life of the topic is over: it was deleted, or created anew outside the bus. */
function isGone(error: unknown): boolean {
  return error instanceof BusError && ['TOPIC_NOT_FOUND', 'TOPIC_DELETED', 'TOPIC_NOT_READY'].includes(error.reason);
}
