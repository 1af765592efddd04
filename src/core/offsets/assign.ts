/** Partitions by topic, each list in order; topics without partitions are left out. */
export type PartitionSet = ReadonlyMap<string, readonly number[]>;

/** One who can own partitions. */
export interface Candidate {
  readonly id: string;
  /** The topics whose partitions it may own. */
  readonly topics: ReadonlySet<string>;
  /** It gives way: it gets only what nobody else may own. */
  readonly yields?: boolean | undefined;
}

interface Load {
  readonly candidate: Candidate;
  readonly owned: Map<string, number[]>;
  count: number;
}

/**
 * Divides partitions among candidates. The same input gives the same answer, in whatever order it comes.
 *
 * - Complete: each partition has exactly one owner, if anybody may own it.
 * - Even: of those who may own the same topics none has two partitions more than another; nobody goes without who could be given one by passing
 *   partitions on from one to the next.
 * - Sticky: who owned a partition before keeps it, as far as evenness allows; where all may own the same, the fewest possible move.
 *
 * It first keeps, then gives away what is free, then moves one partition at a time along the shortest way from one who has too many.
 *
 * @param topics how many partitions each topic has.
 * @param previous by candidate; what is not there any more is passed over.
 */
export function assign(
  candidates: readonly Candidate[],
  topics: ReadonlyMap<string, number>,
  previous: ReadonlyMap<string, PartitionSet>,
): Map<string, PartitionSet> {
  const loads = [...candidates]
    .sort((a, b) => compare(a.id, b.id))
    .map((candidate): Load => ({ candidate, owned: new Map(), count: 0 }));
  const names = [...topics.keys()].sort(compare);
  for (const topic of names) {
    const eligible = eligibleFor(loads, topic);
    const isTaken = keep(eligible, topic, topics.get(topic) ?? 0, previous);
    isTaken.forEach((taken, partition) => {
      const least = taken ? undefined : lightest(eligible);
      if (least) give(least, topic, partition);
    });
  }
  const byTopic = new Map(names.map((topic) => [topic, eligibleFor(loads, topic)]));
  while (levelOnce(loads, byTopic));
  return new Map(
    loads.map(({ candidate, owned }) => {
      const sorted = [...owned].filter(([, partitions]) => partitions.length > 0).sort(([a], [b]) => compare(a, b));
      return [candidate.id, new Map(sorted.map(([topic, partitions]) => [topic, partitions.sort((a, b) => a - b)]))];
    }),
  );
}

/** Who may own a topic's partitions; those who give way only where there is nobody else. */
function eligibleFor(loads: readonly Load[], topic: string): Load[] {
  const able = loads.filter(({ candidate }) => candidate.topics.has(topic));
  const willing = able.filter(({ candidate }) => !candidate.yields);
  return willing.length > 0 ? willing : able;
}

/** Gives everybody what they had; returns which partitions of the topic are taken. */
function keep(
  eligible: readonly Load[],
  topic: string,
  partitions: number,
  previous: ReadonlyMap<string, PartitionSet>,
): boolean[] {
  const isTaken = new Array<boolean>(partitions).fill(false);
  for (const load of eligible) {
    for (const partition of previous.get(load.candidate.id)?.get(topic) ?? []) {
      if (isTaken[partition] !== false) continue;
      isTaken[partition] = true;
      give(load, topic, partition);
    }
  }
  return isTaken;
}

/** Moves one partition from somebody to one who has at least two less, if need be by way of others. False if there is no such pair. */
function levelOnce(loads: readonly Load[], byTopic: ReadonlyMap<string, readonly Load[]>): boolean {
  const heavy = [...loads].sort((a, b) => b.count - a.count);
  const least = heavy.at(-1)?.count ?? 0;
  // Whom a heavier one reaches, a lighter one that it reaches does too: no way is looked at twice in a round without success.
  const seen = new Set<Load>();
  for (const from of heavy) {
    if (from.count - least < 2) return false;
    if (seen.has(from)) continue;
    const way = shortestWay(from, byTopic, seen);
    if (!way) continue;
    for (const { giver, taker, topic } of way) give(taker, topic, takeLast(giver, topic));
    return true;
  }
  return false;
}

interface Move {
  readonly giver: Load;
  readonly taker: Load;
  readonly topic: string;
}

/** The moves that take a partition from `from` to the lightest one that can be reached, if that one has at least two less. */
function shortestWay(from: Load, byTopic: ReadonlyMap<string, readonly Load[]>, seen: Set<Load>): Move[] | undefined {
  const reachedBy = new Map<Load, Move | undefined>([[from, undefined]]);
  const passed = new Set<string>();
  let best: Load | undefined;
  // A map yields what is added while it is walked through: breadth first.
  for (const giver of reachedBy.keys()) {
    if (giver.count < (best?.count ?? from.count - 1)) best = giver;
    for (const [topic, partitions] of giver.owned) {
      if (partitions.length === 0 || passed.has(topic)) continue;
      passed.add(topic);
      for (const taker of byTopic.get(topic) ?? []) {
        if (!reachedBy.has(taker)) reachedBy.set(taker, { giver, taker, topic });
      }
    }
  }
  if (!best) {
    for (const load of reachedBy.keys()) seen.add(load);
    return undefined;
  }
  const way: Move[] = [];
  for (let move = reachedBy.get(best); move; move = reachedBy.get(move.giver)) way.push(move);
  return way;
}

function lightest(loads: readonly Load[]): Load | undefined {
  let least: Load | undefined;
  for (const load of loads) if (!least || load.count < least.count) least = load;
  return least;
}

function give(load: Load, topic: string, partition: number): void {
  const partitions = load.owned.get(topic);
  if (partitions) partitions.push(partition);
  else load.owned.set(topic, [partition]);
  load.count++;
}

function takeLast(load: Load, topic: string): number {
  const partition = load.owned.get(topic)?.pop();
  if (partition === undefined) throw new RangeError(`${load.candidate.id} has no partition of ${topic}`);
  load.count--;
  return partition;
}

/** By code units, so that every instance has the same order. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
