import type { Clock, Timer } from '../ports/clock.js';
import { chunkBytes } from './chunks.js';
import { Fifo, type Queueable } from './fifo.js';
import type { Wakeup } from './wakeup.js';

/** A place in a partition that waits for a read, or for its next look. */
export interface Loading extends Queueable {
  /** How many records are there at most. */
  readonly recordsLeft: number;
  /** Begins its read; undefined if it needs none any more. Resolves, and never rejects, with what was read. */
  begin(expectedBytes: number): Promise<Loaded> | undefined;
  /** The time of a pause is over. */
  resume(): void;
}

export interface Loaded {
  readonly records: number;
  readonly bytes: number;
}

/** The reads of one stream, in all its topics, and the pauses of those that have nothing to read just now. */
export interface Loads {
  /** Reads when it is its turn. Turns begin only while the stream asks for what is next, so that a slow client holds positions, not records. */
  ask(at: Loading): void;
  /** Calls `resume` after a while, and wakes the stream. */
  pause(at: Loading): void;
  /** The stream asks for what is next: begins reads for which there is room. */
  pump(): void;
}

/** How many bytes of ranges a stream reads at once, or else how many ranges, or so many small ones. */
const bytesAtOnce = 2 * chunkBytes;
const loadsAtOnce = 2;
const smallLoadsAtOnce = 32;
/** A read that takes long, because its broker is away, stops counting. */
const loadCountsMs = 3_000;
const pauseMs = 500;
/** What is read wakes the stream at once when it is so much, or when nothing else is being read; otherwise soon. */
const wakeBytes = 64 * 1024;
const wakeMs = 5;

export function createLoads(wakeup: Wakeup, clock: Clock, signal: AbortSignal): Loads {
  const line = new Fifo<Loading>();
  /** The reads that count, in the order of their beginning, with the bytes that each is expected to bring. */
  const running = new Map<object, { readonly since: number; readonly expected: number }>();
  let expectedBytes = 0;
  /** What was read so far: the size of a record tells how much a range of so many offsets brings. */
  let records = 0;
  let bytes = 0;
  let unseenBytes = 0;
  let soon: Timer | undefined;
  let slow: Timer | undefined;
  const paused: { readonly at: Loading; readonly due: number }[] = [];
  let pauses: Timer | undefined;

  signal.addEventListener(
    'abort',
    () => {
      for (const timer of [soon, slow, pauses]) timer?.close();
    },
    { once: true },
  );

  function expectedOf({ recordsLeft }: Loading): number {
    if (records === 0) return chunkBytes;
    return Math.min(chunkBytes, Math.ceil((recordsLeft * bytes) / records));
  }

  function hasRoom(expected: number): boolean {
    if (running.size < loadsAtOnce) return true;
    return running.size < smallLoadsAtOnce && expectedBytes + expected <= bytesAtOnce;
  }

  function stopCounting(key: object): void {
    const counted = running.get(key);
    if (counted === undefined) return;
    running.delete(key);
    expectedBytes -= counted.expected;
  }

  function pump(): void {
    unseenBytes = 0;
    for (let next = line.peek(); next !== undefined && !signal.aborted; next = line.peek()) {
      const expected = expectedOf(next);
      if (!hasRoom(expected)) {
        timeSlow();
        return;
      }
      line.shift();
      const reading = next.begin(expected);
      if (reading === undefined) continue;
      const key = {};
      running.set(key, { since: clock.now(), expected });
      expectedBytes += expected;
      void reading.then((loaded) => {
        stopCounting(key);
        ended(loaded);
      });
    }
  }

  function ended(loaded: Loaded): void {
    records += loaded.records;
    bytes += loaded.bytes;
    unseenBytes += loaded.bytes;
    // Small ranges come in numbers: frames that hold one of them each would cost more than they carry.
    if (running.size === 0 || unseenBytes >= wakeBytes) wake();
    else soon ??= clock.setTimeout(wake, wakeMs).unref();
  }

  function wake(): void {
    soon?.close();
    soon = undefined;
    unseenBytes = 0;
    wakeup.wake();
  }

  /** Where none of those under way ends: gives their room to the next ones in line. */
  function timeSlow(): void {
    const [oldest] = running.values();
    if (slow !== undefined || oldest === undefined) return;
    const onTime = () => {
      slow = undefined;
      const before = clock.now() - loadCountsMs;
      for (const [key, { since }] of running) if (since <= before) stopCounting(key);
      if (wakeup.waiting) pump();
    };
    slow = clock.setTimeout(onTime, Math.max(1, oldest.since + loadCountsMs - clock.now())).unref();
  }

  /** All pauses are of one length, and so end in the order in which they began: one timer is enough. */
  function timePauses(): void {
    const [first] = paused;
    if (pauses !== undefined || first === undefined) return;
    const onTime = () => {
      pauses = undefined;
      const now = clock.now();
      const over = paused.findIndex(({ due }) => due > now);
      for (const { at } of paused.splice(0, over < 0 ? paused.length : over)) at.resume();
      timePauses();
      wakeup.wake();
    };
    pauses = clock.setTimeout(onTime, Math.max(1, first.due - clock.now())).unref();
  }

  return {
    ask: (at) => line.push(at),
    pause(at) {
      paused.push({ at, due: clock.now() + pauseMs });
      timePauses();
    },
    pump,
  };
}
