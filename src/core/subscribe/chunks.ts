import { LRUCache } from 'lru-cache';
import type { Clock } from '../ports/clock.js';
import type { EventLog, OutOfRange } from '../ports/event-log.js';
import { toDeliveries } from './delivery.js';
import type { Delivery } from './frames.js';
import { waitOutLog } from './log-away.js';
import { createReadTurns } from './read-turns.js';
import { lowerBound, type Taken, takeFrom } from './ring.js';

/** A range of a partition that was read apart from the tail: every visible record from `from` up to `nextOffset`. */
export interface Chunk {
  readonly outcome: 'ok';
  readonly from: number;
  readonly nextOffset: number;
  readonly deliveries: readonly Delivery[];
}

/** How much one read asks for. Also what a frame carries at most, so that a chunk is a frame. */
export const chunkBytes = 512 * 1024;
/** How much of what was read is kept for other streams that come by, in the whole process. */
const cacheBytes = 32 * 1024 * 1024;

/** One life of a topic. */
export interface ChunkSource {
  readonly topic: string;
  readonly incarnation: string;
}

/** Reads ranges for streams that are behind: each range once for all that ask for it at the time, in fair turns. */
export interface ChunkReader {
  /** The chunk that holds an offset, if it is still in memory. */
  peek(source: ChunkSource, partition: number, offset: number): Chunk | undefined;
  /** Reads from an offset on. Waits out an unavailable log; throws only on abort, and what is not a matter of waiting. */
  read(source: ChunkSource, partition: number, offset: number, signal: AbortSignal): Promise<Chunk | OutOfRange>;
  /** Keeps a chunk no longer: nobody else is going to ask for it. */
  drop(source: ChunkSource, partition: number, chunk: Chunk): void;
  /** Drops what is kept of a topic. */
  forget(source: ChunkSource): void;
}

export function createChunkReader(log: EventLog, clock: Clock): ChunkReader {
  const turns = createReadTurns(clock);
  const reading = new Map<string, Promise<Chunk | OutOfRange>>();
  /** By partition: the start offsets of the chunks that are in the cache. */
  const starts = new Map<string, Set<number>>();
  const cache = new LRUCache<string, Chunk>({
    maxSize: cacheBytes,
    sizeCalculation: (chunk) => 1 + chunk.deliveries.reduce((sum, delivery) => sum + delivery.bytes, 0),
    dispose: (chunk, key, why) => {
      if (why === 'set') return;
      const name = key.slice(0, key.lastIndexOf('/'));
      const ofPartition = starts.get(name);
      ofPartition?.delete(chunk.from);
      if (ofPartition?.size === 0) starts.delete(name);
    },
  });

  function peek(source: ChunkSource, partition: number, offset: number): Chunk | undefined {
    const name = nameOf(source, partition);
    const exact = cache.get(`${name}/${offset}`);
    if (exact) return exact;
    for (const start of starts.get(name) ?? []) {
      if (start > offset) continue;
      const chunk = cache.peek(`${name}/${start}`);
      if (chunk && offset < chunk.nextOffset) return chunk;
    }
    return undefined;
  }

  async function load(source: ChunkSource, partition: number, offset: number): Promise<Chunk | OutOfRange> {
    const result = await log.read(source.topic, partition, offset, chunkBytes);
    if (result.outcome !== 'ok') return result;
    const chunk: Chunk = {
      outcome: 'ok',
      from: offset,
      nextOffset: result.nextOffset,
      deliveries: toDeliveries(partition, result.records),
    };
    // An empty one would be a lie as soon as something is appended.
    if (chunk.nextOffset > chunk.from) {
      const name = nameOf(source, partition);
      cache.set(`${name}/${offset}`, chunk);
      const ofPartition = starts.get(name) ?? new Set();
      starts.set(name, ofPartition.add(offset));
    }
    return chunk;
  }

  function once(source: ChunkSource, partition: number, offset: number): Promise<Chunk | OutOfRange> {
    const name = nameOf(source, partition);
    const key = `${name}/${offset}`;
    let shared = reading.get(key);
    if (!shared) {
      shared = turns.run(name, () => load(source, partition, offset)).finally(() => reading.delete(key));
      reading.set(key, shared);
    }
    return shared;
  }

  return {
    peek,
    read: (source, partition, offset, signal) => waitOutLog(clock, () => once(source, partition, offset), signal),
    drop: (source, partition, { from }) => cache.delete(`${nameOf(source, partition)}/${from}`),
    forget(source) {
      const prefix = `${source.topic}/${source.incarnation}/`;
      for (const key of cache.keys()) if (key.startsWith(prefix)) cache.delete(key);
    },
  };
}

function nameOf({ topic, incarnation }: ChunkSource, partition: number): string {
  return `${topic}/${incarnation}/${partition}`;
}

/** The records of a chunk from an offset on. */
export function takeFromChunk(chunk: Chunk, offset: number, maxBytes: number): Taken {
  return takeFrom(chunk.deliveries, lowerBound(chunk.deliveries, offset), maxBytes, chunk.nextOffset);
}
