import { BusError } from '../../core/errors.js';
import type { Clock } from '../../core/ports/clock.js';
import { MutableStatus } from '../../core/ports/dependency.js';
import type { EventLog, LogTail } from '../../core/ports/event-log.js';
import { nameOf } from '../../core/ports/topic-ref.js';
import { type Link, LinkFailure } from './link.js';
import { openTail } from './tail.js';
import { boundsOf, divergenceOf, factsOf, type MemoryTopics, readFrom } from './topics.js';

export interface LogClient {
  readonly link: Link;
  readonly clock: Clock;
}

/** A client of its own of the world's topics. */
export function openLog(topics: MemoryTopics, { link, clock }: LogClient): EventLog {
  const status = new MutableStatus('memory log', clock);
  status.set('up');
  const tails = new Set<LogTail>();
  const underWay = new Set<Promise<unknown>>();
  let closed = false;

  const isClosed = () => new BusError('LOG_UNAVAILABLE', 'the event log is closed');

  async function call<T>(act: () => T, lost: (failure: LinkFailure) => BusError = unavailable): Promise<T> {
    if (closed) throw isClosed();
    const answer = link.call(act);
    underWay.add(answer);
    try {
      const result = await answer;
      status.set('up');
      return result;
    } catch (error) {
      if (!(error instanceof LinkFailure)) throw error;
      status.set('down', error.message);
      throw lost(error);
    } finally {
      underWay.delete(answer);
    }
  }

  return {
    driver: 'memory',
    status,
    createTopic: (topic, settings) => call(() => topics.create(topic, settings)),
    updateTopic: (topic, settings) => call(() => topics.update(topic, settings)),
    async deleteTopic(topic, check) {
      check?.();
      await call(() => topics.delete(topic));
    },
    describeTopic: (name) => call(() => topics.find(name)?.settings),
    listTopics: () => call(() => topics.names()),
    topicFacts: (names) =>
      call(() => {
        const found = names.flatMap((name) => {
          const topic = topics.find(name);
          return topic === undefined ? [] : [[name, factsOf(topic)] as const];
        });
        return new Map(found);
      }),
    onTopicFacts: (listener) => topics.onChange((topic, facts) => link.notify(() => closed || listener(topic, facts))),
    async append(topic, partition, records, isWanted) {
      if (isWanted?.() === false) throw BusError.topicDeleted(nameOf(topic));
      return call(
        () => topics.append(topic, partition, records),
        (failure) =>
          failure.arrived
            ? new BusError('STORE_OUTCOME_UNKNOWN', 'the log did not answer: the events may be stored or not')
            : unavailable(failure),
      );
    },
    openTail(sink) {
      if (closed) throw isClosed();
      const tail = openTail(topics, link, sink);
      tails.add(tail);
      return tail;
    },
    async read(topic, partition, from, maxBytes, signal) {
      signal?.throwIfAborted();
      return call(() => readFrom(topics.partition(topic, partition), from, maxBytes));
    },
    divergence: (topic, partition, offset, epoch) =>
      call(() => divergenceOf(topics.partition(topic, partition), offset, epoch)),
    bounds: (topic, partition) => call(() => boundsOf(topics.partition(topic, partition))),
    offsetForTime: (topic, partition, timestamp) =>
      call(() => {
        const { records, earliest } = topics.partition(topic, partition);
        const found = records.findIndex((record) => record.offset >= earliest && record.timestamp >= timestamp);
        return found < 0 ? records.length : found;
      }),
    size: (topic) => call(() => topics.size(topic)),
    truncateBefore: (topic, partition, offset) => call(() => topics.truncate(topic, partition, offset)),
    async close() {
      if (closed) return;
      closed = true;
      for (const tail of tails) await tail.close();
      await Promise.allSettled(underWay);
    },
  };
}

function unavailable(failure: LinkFailure): BusError {
  return new BusError('LOG_UNAVAILABLE', failure.message, { cause: failure });
}
