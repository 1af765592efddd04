import type { OutOfRange, Slice, Truncated } from '../../core/ports/event-log.js';
import type { KafkaClient } from './kafka-client.js';
import type { Leaders } from './leaders.js';
import type { MetadataCache } from './metadata-cache.js';
import { codes } from './protocol/codes.js';
import { type Fetched, fetchRequest } from './protocol/fetch.js';
import type { Reads } from './reads.js';
import { refOf, type TailEntry } from './tail-entry.js';
import type { Wakeup } from './wakeup.js';

export interface TailParts {
  readonly client: KafkaClient;
  readonly metadata: MetadataCache;
  readonly leaders: Leaders;
  readonly reads: Reads;
  /** Tells what cannot be read at the moment, and again when it can. */
  readonly report: (place: string, trouble: string | undefined) => void;
}

export interface TailLoopHost {
  entriesOf(node: number): TailEntry[];
  /** Whether this entry is still the one in the set: it may have been removed, or started anew. */
  isCurrent(entry: TailEntry): boolean;
  deliver(entry: TailEntry, slice: Slice): void;
  /** Its broker cannot serve it now: find its leader again, after a pause. */
  displace(entry: TailEntry, pauseMs?: number): void;
  stop(entry: TailEntry, why: OutOfRange | Truncated | { readonly outcome: 'deleted' }): void;
  isClosed(): boolean;
}

/** How long a broker keeps a fetch that finds nothing: the longest that a partition that is new in the set waits for its first. */
const pollMs = 150;
/** Beyond that the broker, or the way to it, counts as gone. */
const fetchTimeoutMs = pollMs + 5000;
const fetchBytes = 8 * 1024 * 1024;
const partitionBytes = 1024 * 1024;
/** A loop without partitions ends after this. */
const idleMs = 10_000;
/** Until what could not be decoded is tried again. */
const unreadablePauseMs = 5000;

/** Polls one broker for all partitions that it leads, until it has had none for a while. Never throws. */
export async function runTailLoop(node: number, parts: TailParts, host: TailLoopHost, wakeup: Wakeup): Promise<void> {
  let round = 0;
  while (!host.isClosed()) {
    const entries = inTurn(host.entriesOf(node), round++);
    if (entries.length === 0) {
      await wakeup.wait(idleMs);
      if (host.entriesOf(node).length === 0) return;
      continue;
    }
    const positions = entries.map((entry) => ({
      topic: entry.topic,
      id: entry.id,
      partition: entry.partition,
      from: entry.next,
    }));
    const limits = { maxWaitMs: pollMs, maxBytes: fetchBytes, maxPartitionBytes: partitionBytes };
    try {
      const fetched = await parts.client.ask(node, 'tail', fetchRequest(positions, limits), fetchTimeoutMs);
      const byKey = new Map(fetched.map((one) => [`${one.topic}/${one.partition}`, one]));
      for (const entry of entries) {
        const one = byKey.get(`${entry.topic}/${entry.partition}`);
        if (host.isCurrent(entry) && one !== undefined) take(entry, one, parts, host);
      }
    } catch {
      for (const entry of entries) {
        parts.leaders.forget(entry.topic);
        host.displace(entry);
      }
    }
  }
}

// The broker fills its answer from the first partition on, so each comes first at times; at once where a batch larger than
// `partitionBytes` waits, which a broker sends only to the first.
function inTurn(entries: TailEntry[], round: number): TailEntry[] {
  if (entries.length < 2) return entries;
  const shift = round % entries.length;
  const turned = [...entries.slice(shift), ...entries.slice(0, shift)];
  const starved = turned.findIndex((entry) => entry.starved);
  return starved <= 0 ? turned : [...turned.slice(starved), ...turned.slice(0, starved)];
}

function take(entry: TailEntry, fetched: Fetched, parts: TailParts, host: TailLoopHost): void {
  if (fetched.error === codes.OFFSET_OUT_OF_RANGE) {
    entry.node = undefined;
    entry.notBefore = Number.POSITIVE_INFINITY;
    void outOfRange(entry, parts, host);
    return;
  }
  if (fetched.error !== codes.NONE) {
    parts.leaders.forget(entry.topic);
    host.displace(entry);
    return;
  }
  entry.attempts = 0;
  entry.starved = fetched.cutShort;
  const { records, nextOffset, earliest, unreadable, epoch } = fetched;
  // A new leader may not know yet how far the old one had come.
  const highWatermark = Math.max(fetched.highWatermark, nextOffset);
  if (nextOffset !== entry.next || highWatermark !== entry.reported || earliest !== entry.earliest) {
    entry.next = nextOffset;
    entry.epoch = epoch ?? entry.epoch;
    entry.reported = highWatermark;
    entry.earliest = earliest;
    host.deliver(entry, { outcome: 'ok', records, nextOffset, earliest, highWatermark, epoch });
  }
  const place = `${entry.topic}/${entry.partition}`;
  if (unreadable !== undefined) {
    parts.report(place, unreadable.message);
    entry.troubled = true;
    host.displace(entry, unreadablePauseMs);
  } else if (entry.troubled) {
    entry.troubled = false;
    parts.report(place, undefined);
  }
}

// Why the broker has nothing there: asked of the leader again, as it may have changed in between.
async function outOfRange(entry: TailEntry, parts: TailParts, host: TailLoopHost): Promise<void> {
  try {
    const { partition, next, epoch } = entry;
    const ref = refOf(entry);
    const at = epoch === undefined ? undefined : await parts.reads.divergence(ref, partition, next, epoch);
    const bounds = await parts.reads.bounds(ref, partition);
    if (at !== undefined && next > bounds.earliest) {
      host.stop(entry, { outcome: 'truncated', at, ...bounds });
      return;
    }
    if (entry.next < bounds.earliest) host.stop(entry, { outcome: 'expired', ...bounds });
    else if (entry.next > bounds.highWatermark) host.stop(entry, { outcome: 'ahead', ...bounds });
    else host.displace(entry);
  } catch {
    host.displace(entry);
  }
}
