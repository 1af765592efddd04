import { Buffer } from 'node:buffer';
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
  /** What the deliveries weigh together. */
  readonly bytes: number;
  /** That of its last record. */
  readonly epoch: number | undefined;
  /** What the records lie in, where that can be used again. Who takes from the chunk while others may have it, too, sets it undefined. */
  memory: Uint8Array | undefined;
}

/** How much one read asks for, and what a frame carries at most, but for the weight of what records have beside their bytes: a chunk is a frame. */
export const chunkBytes = 512 * 1024;
/** How much of what was read is kept for other streams that come by, in the whole process. */
const cacheBytes = 32 * 1024 * 1024;
/** How many chunks' memory is kept to be used again. */
const mostSpare = 8;

/** One life of a topic. */
export interface ChunkSource {
  readonly topic: string;
  readonly logId: string | undefined;
  readonly incarnation: string;
}

/** Reads ranges for streams that are behind: each range once for all that ask for it at the time, in fair turns. */
export interface ChunkReader {
  /** The chunk that holds an offset, if it is still in memory. */
  peek(source: ChunkSource, partition: number, offset: number): Chunk | undefined;
  /**
   * Reads from an offset on. Waits out an unavailable log; throws only on abort, and what is not a matter of waiting.
   *
   * @param alone the caller is the only reader of the topic, and tells when it is done with a chunk.
   */
  read(
    source: ChunkSource,
    partition: number,
    offset: number,
    alone: boolean,
    signal: AbortSignal,
  ): Promise<Chunk | OutOfRange>;
  /** Keeps a chunk no longer: nobody else is going to ask for it. */
  drop(source: ChunkSource, partition: number, chunk: Chunk): void;
  /** Whoever has dropped a chunk is done with it, and uses its records no more: others may be read into its memory. */
  done(chunk: Chunk): void;
  /** Drops what is kept of a topic. */
  forget(source: ChunkSource): void;
}

export function createChunkReader(log: EventLog, clock: Clock): ChunkReader {
  const turns = createReadTurns(clock);
  const reading = new Map<string, { isJoined: boolean; readonly result: Promise<Chunk | OutOfRange> }>();
  const spare: Uint8Array[] = [];
  /** By partition: the start offsets of the chunks that are in the cache. */
  const starts = new Map<string, Set<number>>();
  const cache = new LRUCache<string, Chunk>({
    maxSize: cacheBytes,
    sizeCalculation: ({ bytes, memory }) => 1 + Math.max(bytes, memory?.length ?? 0),
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

  async function load(
    source: ChunkSource,
    partition: number,
    offset: number,
    memory: Uint8Array | undefined,
  ): Promise<Chunk | OutOfRange> {
    const result = await log.read(
      { name: source.topic, logId: source.logId },
      partition,
      offset,
      chunkBytes,
      undefined,
      memory,
    );
    const isBorrowed = result.outcome === 'ok' && result.borrowed === true;
    if (memory && !isBorrowed) giveBack(memory);
    if (result.outcome !== 'ok') return result;
    const deliveries = toDeliveries(partition, result.records);
    let bytes = 0;
    for (const delivery of deliveries) bytes += delivery.bytes;
    const chunk: Chunk = {
      outcome: 'ok',
      from: offset,
      nextOffset: result.nextOffset,
      deliveries,
      bytes,
      epoch: result.epoch,
      memory: isBorrowed ? memory : undefined,
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

  function giveBack(memory: Uint8Array): void {
    if (spare.length < mostSpare) spare.push(memory);
  }

  function once(source: ChunkSource, partition: number, offset: number, alone: boolean): Promise<Chunk | OutOfRange> {
    const name = nameOf(source, partition);
    const key = `${name}/${offset}`;
    const joined = reading.get(key);
    if (joined) {
      joined.isJoined = true;
      return joined.result;
    }
    const memory = alone ? (spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes)) : undefined;
    const read = async (): Promise<Chunk | OutOfRange> => {
      try {
        const chunk = await turns.run(name, () => load(source, partition, offset, memory));
        if (chunk.outcome === 'ok' && entry.isJoined) chunk.memory = undefined;
        return chunk;
      } finally {
        reading.delete(key);
      }
    };
    const entry = { isJoined: false, result: read() };
    reading.set(key, entry);
    return entry.result;
  }

  return {
    peek,
    read: (source, partition, offset, alone, signal) =>
      waitOutLog(clock, () => once(source, partition, offset, alone), signal),
    drop: (source, partition, { from }) => cache.delete(`${nameOf(source, partition)}/${from}`),
    done(chunk) {
      if (chunk.memory) giveBack(chunk.memory);
      chunk.memory = undefined;
    },
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
export function takeFromChunk(chunk: Chunk, offset: number, maxBytes: number, maxRecords: number): Taken {
  const { from, nextOffset, deliveries, bytes } = chunk;
  const isWhole = offset === from && maxBytes >= chunkBytes && bytes <= 2 * chunkBytes;
  if (isWhole && deliveries.length <= maxRecords) return { deliveries, nextOffset, bytes };
  return takeFrom(deliveries, lowerBound(deliveries, offset), nextOffset, maxBytes, maxRecords);
}
