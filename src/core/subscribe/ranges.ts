import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import { type Chunk, takeFromChunk } from './chunks.js';
import type { TopicFeed } from './hub.js';
import type { Loaded, Loading, Loads } from './loads.js';
import type { Position } from './position.js';
import type { Taken } from './ring.js';
import { positionAhead } from './start.js';
import type { Wakeup } from './wakeup.js';

/** The records at the positions of one stream in one topic, out of memory or read from the log. */
export interface Ranges {
  /** What is in memory at a position. Where nothing is, a read begins in its turn, and `makeReady` tells of its end. */
  take(at: Position, maxBytes: number, maxRecords: number): Taken | undefined;
  /** The position has moved past what was taken last. Who reads alone leaves nothing behind. */
  leave(at: Position): void;
  /** What was taken until now is not needed any more. */
  finish(): void;
  /** Whether something of what was taken since then lies in memory that is used again. */
  readonly lent: boolean;
  /** What waiting does not cure: CURSOR_AHEAD, TOPIC_DELETED. */
  readonly failure: BusError | undefined;
}

export interface RangePorts {
  readonly wakeup: Wakeup;
  readonly clock: Clock;
  readonly loads: Loads;
  readonly signal: AbortSignal;
  /** Whoever asks for a step is done with the records of the one before. */
  readonly takesLent: boolean;
}

/** What becomes of a position. */
interface Owner {
  isServed(at: Position): boolean;
  makeReady(at: Position): void;
  failed(): void;
}

/** How long a running stream tolerates a position beyond the log's end: a new leader's high watermark may lag in fetches. */
const aheadToleranceMs = 10_000;
/** A read that is expected to bring less gets memory of its own instead of a whole reusable buffer. */
const leastLentBytes = 64 * 1024;
const nothingRead: Loaded = { records: 0, bytes: 0 };

export function createRanges(
  topic: string,
  feed: TopicFeed,
  { wakeup, clock, loads, signal, takesLent }: RangePorts,
  { isServed, makeReady, failed }: Owner,
): Ranges {
  let failure: BusError | undefined;
  /** Where what was taken last came from, if not from the ring. */
  let source: Chunk | undefined;
  let lent = false;
  /** The chunks that the stream has come to the end of. */
  let spent: Chunk[] = [];

  /** Nobody else reads the topic, and what is taken for this stream is not needed beyond the next step. */
  const isAlone = () => takesLent && feed.users === 1;

  /** What is in memory at a position; starts a read where nothing is. */
  function take(at: Position, maxBytes: number, maxRecords: number): Taken | undefined {
    const { ring, partition } = at.feed;
    source = undefined;
    if (at.next === ring.next) {
      at.aheadSince = undefined;
      at.chunk = undefined;
      return undefined;
    }
    if (at.next > ring.next) {
      // The tail may only be a little behind; if not, a read tells.
      if (at.aheadSince === undefined) {
        at.aheadSince = clock.now();
        pause(at);
      } else load(at);
    } else {
      const taken = ring.take(at.next, maxBytes, maxRecords);
      if (taken) {
        at.chunk = undefined;
        return taken;
      }
    }
    const { chunk = feed.chunks.peek(feed, partition, at.next) } = at;
    if (chunk && chunk.from <= at.next && at.next < chunk.nextOffset) {
      source = chunk;
      at.epoch = Math.max(at.epoch, chunk.epoch ?? 0);
      if (isAlone()) lent = true;
      else chunk.memory = undefined;
      return takeFromChunk(chunk, at.next, maxBytes, maxRecords);
    }
    at.chunk = undefined;
    if (at.next < ring.next) load(at);
    return undefined;
  }

  /** Records that outlive their frame cost more to collect than to read. */
  function leave(at: Position): void {
    if (source === undefined || at.next < source.nextOffset || feed.users > 1) return;
    at.chunk = undefined;
    feed.chunks.drop(feed, at.feed.partition, source);
    spent.push(source);
  }

  function loadingOf(at: Position): Loading {
    at.loading ??= {
      queued: false,
      get recordsLeft() {
        return Math.max(1, Math.min(at.end, at.feed.ring.next) - at.next);
      },
      begin: (expectedBytes) => {
        if (!isServed(at)) return undefined;
        return read(at, isAlone() && expectedBytes >= leastLentBytes);
      },
      resume() {
        at.isBusy = false;
        if (isServed(at)) makeReady(at);
      },
    };
    return at.loading;
  }

  function load(at: Position): void {
    if (at.isBusy) return;
    at.isBusy = true;
    loads.ask(loadingOf(at));
  }

  function pause(at: Position): void {
    if (at.isBusy) return;
    at.isBusy = true;
    loads.pause(loadingOf(at));
  }

  async function read(at: Position, alone: boolean): Promise<Loaded> {
    try {
      const result = await feed.chunks.read(feed, at.feed.partition, at.next, alone, signal);
      at.isBusy = false;
      if (!isServed(at)) return nothingRead;
      if (result.outcome === 'ok') {
        at.aheadSince = undefined;
        // Nothing there although the tail has seen more: ask again, but not at once.
        if (result.nextOffset <= at.next) {
          pause(at);
          return nothingRead;
        }
        // A reader that is not waiting now may not come back for long: then the shared cache is enough.
        if (wakeup.waiting) at.chunk = result;
        makeReady(at);
        return { records: result.nextOffset - result.from, bytes: result.bytes };
      }
      if (result.outcome === 'expired') at.lostUpTo = result.earliest;
      else checkAhead(at, result.highWatermark);
      if (!at.isBusy) makeReady(at);
    } catch (error) {
      if (signal.aborted || !isServed(at)) return nothingRead;
      failure = BusError.from(error);
      // This life of the topic is over: it was deleted, or created anew outside the bus.
      if (failure.reason === 'TOPIC_NOT_FOUND' || failure.reason === 'TOPIC_NOT_READY') {
        failure = BusError.topicDeleted(topic);
      }
      failed();
    }
    return nothingRead;
  }

  function checkAhead(at: Position, highWatermark: number): void {
    at.aheadSince ??= clock.now();
    if (clock.now() - at.aheadSince < aheadToleranceMs) {
      pause(at);
      return;
    }
    failure = positionAhead(topic, at.feed.partition, at.next, highWatermark);
  }

  return {
    take,
    leave,
    finish() {
      spent.forEach(feed.chunks.done);
      spent = [];
      lent = false;
    },
    get lent() {
      return lent;
    },
    get failure() {
      return failure;
    },
  };
}
