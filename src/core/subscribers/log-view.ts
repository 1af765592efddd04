import { askEach } from '../ask-each.js';
import { BusError } from '../errors.js';
import type { Clock } from '../ports/clock.js';
import type { Bounds, EventLog } from '../ports/event-log.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';

/** A batch without visible records may stand in front of the first one: so many reads until the age stays unknown. */
const readsPerAge = 3;

/** Asks the log about many partitions, each question once for all who ask it at the same time. */
export interface LogView {
  /** Runs `ask` for each item, bounded in number and time. What fails, or comes too late, is left out of the answer. */
  askEach<T, A>(items: Iterable<T>, ask: (item: T, signal: AbortSignal) => Promise<A>): Promise<Map<T, A>>;
  bounds(topic: string, partition: number): Promise<Bounds>;
  /** When the first record from an offset on was stored; undefined where there is none. */
  timeOf(topic: string, partition: number, offset: number, signal: AbortSignal): Promise<number | undefined>;
  /** The topic as it is now: null where there is none, undefined where that cannot be found out. */
  topic(name: string): Promise<ActiveTopic | null | undefined>;
}

export function createLogView(log: EventLog, topics: Topics, clock: Clock): LogView {
  const asking = new Map<string, Promise<Bounds>>();

  async function timeOf(
    topic: string,
    partition: number,
    offset: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    let from = offset;
    for (let reads = 0; reads < readsPerAge; reads++) {
      const result = await log.read(topic, partition, from, 1, signal);
      if (result.outcome !== 'ok') return undefined;
      const [first] = result.records;
      if (first) return first.timestamp;
      if (result.nextOffset <= from) return undefined;
      from = result.nextOffset;
    }
    return undefined;
  }

  return {
    timeOf,

    bounds(topic, partition) {
      const key = `${topic}/${partition}`;
      const shared = asking.get(key) ?? log.bounds(topic, partition).finally(() => asking.delete(key));
      asking.set(key, shared);
      return shared;
    },

    askEach: (items, ask) => askEach({ log, clock }, items, ask),

    async topic(name) {
      try {
        return topics.peek(name) ?? (await topics.require(name));
      } catch (error) {
        const gone = error instanceof BusError && error.code === 'not_found';
        return gone ? null : undefined;
      }
    },
  };
}
