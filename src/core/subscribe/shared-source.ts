import { type Held, keyOf } from '../offsets/hand-over.js';
import type { Membership, Ownership } from '../offsets/member.js';
import type { RecordedPosition } from '../offsets/records.js';
import type { Bound } from './bound.js';
import type { ClientPositions } from './client-positions.js';
import type { Elsewhere } from './elsewhere.js';
import type { ServedPartitions } from './frames.js';
import type { Source } from './plain-source.js';
import type { Serving } from './serving.js';

/** What the stream of a subscriber owns at the moment. */
export interface SharedSource extends Source {
  /** Where the stream stands in a partition that it owns: everything before has been sent. */
  sent(held: Held): number;
  /** By key: what is owned, with what waits for its client's position. */
  readonly held: ReadonlyMap<string, Held>;
  /** By topic, in order of name: what is owned. */
  partitions(): readonly ServedPartitions[];
  /** Of a stream whose client says where partitions begin. */
  readonly positions: ClientPositions | undefined;
  /** Serves from these positions what waits for them; returns those that it has used. */
  setPositions(positions: readonly RecordedPosition[]): readonly RecordedPosition[];
}

export interface SharedSourceOptions {
  readonly serving: Serving;
  membership(): Membership | undefined;
  /** Where to stop; what is not in its ends was added after they were taken: nothing of it is asked for. */
  readonly bound: Bound | undefined;
  /** Of a stream whose ends are known. */
  elsewhere(): Elsewhere | undefined;
  readonly positions: ClientPositions | undefined;
}

export function createSharedSource(options: SharedSourceOptions): SharedSource {
  const { serving, membership, bound, elsewhere, positions } = options;
  const held = new Map<string, Held>();
  let ownership: Ownership | undefined;

  const servedOf = ({ topic }: Held) => {
    const served = serving.get(topic.name);
    return served?.topic.incarnation === topic.incarnation ? served : undefined;
  };

  function serve({ topic, partition }: Held, next: number): void {
    const ends = bound?.ends;
    const end = ends && (ends.get(topic.name)?.get(partition) ?? 0);
    serving.get(topic.name)?.progress.serve(partition, next, end);
  }

  function take(key: string, each: Held): void {
    const served = servedOf(each);
    if (!served) return;
    const { topic, partition, next, recreated, truncated } = each;
    held.set(key, each);
    if (positions) {
      positions.hold(key, each, ownership?.generation ?? 0);
      return;
    }
    serve(each, next);
    if (truncated !== undefined) {
      served.progress.announce({
        kind: 'gap',
        partition,
        from: truncated,
        to: next,
        reason: 'log_truncated',
        message: `the log has lost records before the committed offset ${truncated}; it goes on from ${next}, where the records may be others than before`,
      });
    }
    if (recreated === undefined) return;
    served.progress.announce({
      kind: 'gap',
      partition,
      from: recreated,
      to: next,
      reason: 'topic_recreated',
      message: `the committed offset ${recreated} is of an earlier topic ${topic.name}, deleted since; this one starts at its beginning`,
    });
  }

  return {
    held,
    positions,
    get generation() {
      return ownership?.generation;
    },
    get waiting() {
      return ownership?.waiting ?? false;
    },
    get isSettled() {
      if (positions && positions.awaiting.size > 0) return false;
      return elsewhere()?.isDone(held) ?? held.size > 0;
    },
    partitions: () => (positions ? byTopic(held.values()) : serving.partitions()),
    setPositions: (wanted) =>
      wanted.filter((position) => {
        const each = positions?.take(position);
        if (each && servedOf(each)) serve(each, position.next);
        return each !== undefined;
      }),
    sent(each) {
      const { topic, partition } = each;
      const isServed = held.get(keyOf(topic, partition)) === each;
      return (isServed ? servedOf(each)?.progress.at(partition) : undefined) ?? each.next;
    },
    update() {
      const now = membership()?.current();
      if (!now || now === ownership) return false;
      ownership = now;
      const wanted = new Map(now.partitions.map((each) => [keyOf(each.topic, each.partition), each]));
      for (const [key, each] of held) {
        if (wanted.get(key) === each) continue;
        held.delete(key);
        positions?.drop(key);
        servedOf(each)?.progress.drop(each.partition);
      }
      for (const [key, each] of wanted) if (!held.has(key)) take(key, each);
      return true;
    },
  };
}

function byTopic(held: Iterable<Held>): ServedPartitions[] {
  const found = new Map<string, { topic: string; incarnation: string; partitions: number[] }>();
  for (const { topic, partition } of held) {
    const { name, incarnation } = topic;
    const entry = found.get(name) ?? { topic: name, incarnation, partitions: [] };
    entry.partitions.push(partition);
    found.set(name, entry);
  }
  for (const { partitions } of found.values()) partitions.sort((a, b) => a - b);
  return [...found.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1));
}
