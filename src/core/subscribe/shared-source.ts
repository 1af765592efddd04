import { type Held, keyOf } from '../offsets/hand-over.js';
import type { Membership, Ownership } from '../offsets/member.js';
import type { Bound } from './bound.js';
import type { Elsewhere } from './elsewhere.js';
import type { Source } from './plain-source.js';
import type { Serving } from './serving.js';

/** What the stream of a subscriber owns at the moment. */
export interface SharedSource extends Source {
  /** Where the stream stands in a partition that it owns: everything before has been sent. */
  sent(held: Held): number;
  /** By key: what is served. */
  readonly held: ReadonlyMap<string, Held>;
}

/**
 * @param bound where to stop; what is not in its ends was added after they were taken: nothing of it is asked for.
 * @param elsewhere of a stream whose ends are known
 */
export function createSharedSource(
  serving: Serving,
  membership: () => Membership | undefined,
  bound: Bound | undefined,
  elsewhere: () => Elsewhere | undefined,
): SharedSource {
  const held = new Map<string, Held>();
  let ownership: Ownership | undefined;

  const servedOf = ({ topic }: Held) => {
    const served = serving.get(topic.name);
    return served?.topic.incarnation === topic.incarnation ? served : undefined;
  };

  function take(key: string, each: Held): void {
    const served = servedOf(each);
    if (!served) return;
    const { topic, partition, next, recreated } = each;
    held.set(key, each);
    const ends = bound?.ends;
    served.progress.serve(partition, next, ends && (ends.get(topic.name)?.get(partition) ?? 0));
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
    get generation() {
      return ownership?.generation;
    },
    get waiting() {
      return ownership?.waiting ?? false;
    },
    get isSettled() {
      return elsewhere()?.isDone(held) ?? held.size > 0;
    },
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
        servedOf(each)?.progress.drop(each.partition);
      }
      for (const [key, each] of wanted) if (!held.has(key)) take(key, each);
      return true;
    },
  };
}
