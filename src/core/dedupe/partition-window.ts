import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog, ReadResult } from '../ports/event-log.js';
import type { ReadTurns } from '../subscribe/read-turns.js';
import type { ActiveTopic } from '../topics/topic.js';
import { type Identity, recordText, toIdentity } from './identity.js';
import { createIdentityIndex, type IndexMemory, type Seen } from './identity-index.js';

/** How far back a window reaches that had to be cut short. */
export interface Cut extends WindowSettings {
  readonly reachMs: number;
}

/** How far back events of a partition are recognised. */
export interface WindowSettings {
  readonly windowMs: number;
  /** Among so many of the newest offsets. */
  readonly entries: number;
}

/**
 * What a process knows of one partition's identities. Its knowledge is of everything up to an offset, `known`, within the window: it is read back
 * from the log at first, and where others have written; what this process appends extends it.
 */
export interface PartitionWindow {
  readonly incarnation: string;
  /** Wider settings make it be read back anew. */
  use(settings: WindowSettings): void;
  /** Whether what `find` says is complete, or at most `freshMs` old where others write too. */
  readonly isReady: boolean;
  /** Makes it ready: reads what is missing. Throws LOG_UNAVAILABLE, or the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /** The first event of this identity within the window, as far as is known. */
  find(identity: Identity): Seen | undefined;
  /**
   * Takes in what this process has appended, one entry for each record: undefined where it has no identity. Reads first what others have appended
   * before it. Answers for each record whether the identity was there before; undefined if none was. Throws LOG_UNAVAILABLE.
   */
  appended(
    baseOffset: number,
    timestamp: number,
    identities: readonly (Identity | undefined)[],
  ): Promise<(Seen | undefined)[] | undefined>;
  /** The same for records without identities: nothing is read. */
  passed(baseOffset: number, count: number): void;
  /** What was appended last may be in the log or not. */
  doubt(): void;
  /** Set where it reaches less far back than it should, because of the entries or the memory. */
  readonly cut: Cut | undefined;
  /** Gives back what is over. */
  trim(): void;
  close(): void;
}

export interface WindowPorts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly turns: ReadTurns;
  readonly memory: IndexMemory;
}

/** What one read asks for: some 1,000 records, which take a few milliseconds. */
const readBytes = 256 * 1024;
/** How old knowledge may be before others' appends are looked for, where there are others. */
const freshMs = 250;
/** How long is waited for records to show that have been stored. */
const patienceMs = 5_000;
const pauseMs = 10;
/** After so much work at a stretch others get their turn. */
const longMs = 3;

export function createPartitionWindow(
  { log, clock, turns, memory }: WindowPorts,
  topic: ActiveTopic,
  partition: number,
  first: WindowSettings,
): PartitionWindow {
  const { name, incarnation, logId } = topic;
  const place = { name, logId };
  let settings = first;
  const index = createIdentityIndex(memory, () => settings.entries);
  /** Nobody else appends. */
  const isAlone = log.driver === 'embedded';
  /** Everything below was seen; undefined: nothing was read yet. */
  let known: number | undefined;
  /** When that was so, and when anything was last read or appended: by the monotonic clock. */
  let freshAt = Number.NEGATIVE_INFINITY;
  let movedAt = Number.NEGATIVE_INFINITY;
  let doubts = 0;
  let cleared = 0;
  let reading: Promise<void> | undefined;
  let catchingUp: Promise<void> | undefined;
  /** Where the last reading began, if the entries said where. */
  let cutAt = Number.NEGATIVE_INFINITY;

  let closed = false;

  const oldestTime = () => clock.wallTime() - settings.windowMs;

  /** What is over by now is forgotten. */
  function trim(): void {
    index.forget(oldestTime(), (known ?? 0) - settings.entries);
  }

  function advance(to: number): void {
    known = Math.max(known ?? 0, to);
    movedAt = clock.now();
    trim();
  }

  function reset(): void {
    index.clear();
    known = undefined;
  }

  /** A window that was closed may still be waited for. */
  function add(identity: Identity, offset: number, timestamp: number): void {
    if (!closed) index.add(identity, offset, timestamp);
  }

  function find(identity: Identity): Seen | undefined {
    trim();
    return index.find(identity);
  }

  const ask = <T>(question: () => Promise<T>): Promise<T> => turns.run(`${name}/${partition}`, question);

  /** Goes to where the window begins that ends at `end`, if that is further than what is known. Answers whether the entries say where. */
  async function begin(end: number): Promise<boolean> {
    const byEntries = end - settings.entries;
    const byTime = await ask(() => log.offsetForTime(place, partition, oldestTime()));
    const from = Math.max(0, Math.min(end, Math.max(byTime, byEntries)));
    // What was appended meanwhile may have moved it.
    if (known !== undefined && from <= known) return false;
    advance(from);
    return byEntries > byTime;
  }

  async function readOn(end: number): Promise<void> {
    const isBehind = known === undefined || end - known > settings.entries || clock.now() - movedAt > settings.windowMs;
    const isCut = isBehind && (await begin(end));
    const from = known ?? 0;
    if (from >= end) return;
    const result = await ask(() => log.read(place, partition, from, readBytes));
    const began = clock.now();
    take(result, from);
    if (isCut && result.outcome === 'ok') cutAt = result.records[0]?.timestamp ?? cutAt;
    if (known === from) await clock.sleep(pauseMs);
    else if (clock.now() - began > longMs) await clock.sleep(0);
  }

  function take(result: ReadResult, from: number): void {
    if (result.outcome !== 'ok') {
      // Retention has overtaken it, or the log has lost its end.
      if (result.outcome === 'expired') advance(result.earliest);
      else reset();
      return;
    }
    // An entry that is over must not hide one that has come after it.
    trim();
    for (const { offset, timestamp, headers, value } of result.records) {
      // What this process has appended meanwhile is in it.
      if (known !== undefined && offset < known) continue;
      const text = recordText(headers);
      if (text === undefined || timestamp < oldestTime()) continue;
      const identity = toIdentity(text, value ?? nothing);
      if (!index.find(identity)) add(identity, offset, timestamp);
    }
    if (result.nextOffset > from) advance(result.nextOffset);
  }

  /** Reads until everything below `end` is known. One read at a time, whoever asks. */
  async function readTo(end: number): Promise<void> {
    const deadline = clock.now() + patienceMs;
    for (let at = known; known === undefined || known < end; at = known) {
      reading ??= readOn(end).finally(() => {
        reading = undefined;
      });
      await reading;
      if (known === at && clock.now() > deadline) {
        throw new BusError('LOG_UNAVAILABLE', `the log does not show the events of ${name}/${partition} from ${at} on`);
      }
    }
  }

  async function catchUp(): Promise<void> {
    const asked = clock.now();
    const before = doubts;
    const { highWatermark } = await ask(() => log.bounds(place, partition));
    if (known !== undefined && known > highWatermark && clock.now() - movedAt > patienceMs) reset();
    await readTo(highWatermark);
    freshAt = Math.max(freshAt, asked);
    cleared = Math.max(cleared, before);
  }

  return {
    incarnation,
    use(now) {
      const isWider = now.windowMs > settings.windowMs || now.entries > settings.entries;
      settings = now;
      if (isWider) reset();
    },
    get isReady() {
      return known !== undefined && cleared === doubts && (isAlone || clock.now() - freshAt <= freshMs);
    },
    async ready(signal) {
      if (catchingUp === undefined) {
        catchingUp = catchUp().finally(() => {
          catchingUp = undefined;
        });
        // Who waits for it may leave.
        catchingUp.catch(() => undefined);
      }
      await orAbort(catchingUp, signal);
    },
    find,
    async appended(baseOffset, timestamp, identities) {
      if (known !== baseOffset) await readTo(baseOffset);
      let earlier: (Seen | undefined)[] | undefined;
      identities.forEach((identity, i) => {
        if (!identity) return;
        const offset = baseOffset + i;
        const seen = find(identity);
        if (!seen) add(identity, offset, timestamp);
        else if (seen.offset < offset) {
          earlier ??= new Array(identities.length);
          earlier[i] = seen;
        }
      });
      advance(baseOffset + identities.length);
      freshAt = clock.now();
      return earlier;
    },
    passed(baseOffset, count) {
      if (known === undefined || known < baseOffset) return;
      advance(baseOffset + count);
      freshAt = clock.now();
    },
    doubt: () => void doubts++,
    get cut() {
      const reach = clock.wallTime() - Math.max(index.cutAt, cutAt);
      return reach < settings.windowMs ? { ...settings, reachMs: Math.max(0, reach) } : undefined;
    },
    trim,
    close() {
      closed = true;
      index.clear();
    },
  };
}

const nothing = new Uint8Array(0);

/** Waits for what goes on by itself. */
function orAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
