import type { LogRecord } from '../../core/model.js';
import type { LogTail, Slice, TailSink, Truncated } from '../../core/ports/event-log.js';
import { nameOf } from '../../core/ports/topic-ref.js';
import { decodeBatch, freshCopies } from './batch-format.js';
import type { Epochs } from './epochs.js';
import { readRange } from './partition.js';
import type { Store } from './store.js';
import type { Follower, Partition } from './topic.js';
import type { TopicCatalog } from './topic-catalog.js';

/** Whoever follows keeps some of the records for long, and not others: they may hold each other in memory, but not many. */
const copies = freshCopies(16 * 1024);

/** How much a partition that lags behind gets per turn. */
const SLICE_BYTES = 256 * 1024;

interface Following extends Follower {
  readonly partition: Partition | undefined;
  /** Where the sink is: what is appended here is handed over as it is committed. */
  position: number;
  /** It waits for its turn to be read from the store. */
  behind: boolean;
}

/**
 * Follows partitions without polling: a commit hands its batch over directly to those who are at the end; who is behind is read from the store
 * in bounded slices, in turn, with the event loop in between.
 */
export function openTail(store: Store, catalog: TopicCatalog, epochs: Epochs, sink: TailSink): LogTail {
  const followed = new Map<string, Following>();
  let queue: { readonly name: string; readonly entry: Following }[] = [];
  let running = false;
  let closed = false;

  const placeOf = (topic: string, partition: number) => `${topic}/${partition}`;

  const forget = (name: string) => {
    const entry = followed.get(name);
    if (entry === undefined) return;
    followed.delete(name);
    entry.partition?.followers.delete(entry);
  };

  const lag = (name: string, entry: Following) => {
    entry.behind = true;
    queue.push({ name, entry });
    if (running) return;
    running = true;
    setImmediate(pump);
  };

  const pump = (): void => {
    const turn = queue.shift();
    if (turn === undefined || closed) {
      running = false;
      return;
    }
    if (followed.get(turn.name) === turn.entry) catchUp(turn.name, turn.entry);
    setImmediate(pump);
  };

  const catchUp = (name: string, entry: Following): void => {
    const { partition } = entry;
    if (partition === undefined) return;
    const { topic, number } = partition;
    const result = readRange(store, partition, entry.position, SLICE_BYTES, copies);
    if (result.outcome !== 'ok') {
      forget(name);
      guarded(() => sink.stopped(topic.name, number, result));
      return;
    }
    entry.position = result.nextOffset;
    entry.behind = false;
    if (result.nextOffset < partition.next) lag(name, entry);
    guarded(() => sink.slice(topic.name, number, result));
  };

  const follow = (name: string, partition: Partition, from: number): Following => {
    const { topic, number } = partition;
    const entry: Following = {
      partition,
      position: from,
      behind: false,
      appended(facts, batch) {
        if (entry.behind) return;
        if (entry.position !== facts.baseOffset) {
          lag(name, entry);
          return;
        }
        const records: LogRecord[] = [];
        const { baseOffset, timestamp, count, bytes } = facts;
        decodeBatch(
          batch,
          bytes,
          { baseOffset, timestamp, from: baseOffset, maxBytes: Number.POSITIVE_INFINITY, copies },
          records,
        );
        entry.position = baseOffset + count;
        const { earliest, next: highWatermark } = partition;
        const slice: Slice = { outcome: 'ok', records, nextOffset: entry.position, earliest, highWatermark };
        guarded(() => sink.slice(topic.name, number, slice));
      },
      truncated() {
        if (entry.behind) return;
        const { earliest, next: highWatermark } = partition;
        const slice: Slice = { outcome: 'ok', records: [], nextOffset: entry.position, earliest, highWatermark };
        guarded(() => sink.slice(topic.name, number, slice));
      },
      deleted() {
        forget(name);
        guarded(() => sink.stopped(topic.name, number, { outcome: 'deleted' }));
      },
    };
    return entry;
  };

  return {
    add(ref, number, from, epoch) {
      if (closed) return;
      const topic = nameOf(ref);
      const name = placeOf(topic, number);
      forget(name);
      const partition = catalog.find(topic)?.partitions[number];
      // Records are lost only while no process has the directory open.
      const at = partition && epoch !== undefined ? epochs.divergence(partition, from, epoch) : undefined;
      if (partition === undefined || at !== undefined) {
        const entry: Following = {
          partition: undefined,
          position: from,
          behind: true,
          appended() {},
          truncated() {},
          deleted() {},
        };
        followed.set(name, entry);
        setImmediate(() => {
          if (closed || followed.get(name) !== entry) return;
          forget(name);
          const why = partition === undefined || at === undefined ? deleted : truncated(partition, at);
          guarded(() => sink.stopped(topic, number, why));
        });
        return;
      }
      const entry = follow(name, partition, from);
      followed.set(name, entry);
      partition.followers.add(entry);
      lag(name, entry);
    },
    remove: (topic, number) => forget(placeOf(topic, number)),
    async close() {
      closed = true;
      queue = [];
      for (const name of [...followed.keys()]) forget(name);
    },
  };
}

const deleted = { outcome: 'deleted' } as const;

function truncated({ earliest, next }: Partition, at: number): Truncated {
  return { outcome: 'truncated', at, earliest, highWatermark: next };
}

/** A sink must not throw; if it does, that is loud, but it neither harms the acknowledgement nor the other partitions. */
function guarded(deliver: () => void): void {
  try {
    deliver();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
