import { BusError } from '../errors.js';
import { type AppendRecord, recordBytes } from '../model.js';
import type { EventLog } from '../ports/event-log.js';
import { type Appender, createAppender } from '../publish/appender.js';
import { failedBefore } from '../publish/order.js';
import type { TopicsService } from '../topics/index.js';
import type { ActiveTopic } from '../topics/topic.js';

/** The topics of parking: made when they are first needed, and appended to like any other. */
export interface ParkingTopics {
  /** Undefined where there is none. */
  find(name: string): Promise<ActiveTopic | undefined>;
  /** Creates it if it is not there. @param stillWanted asked after a creation: if it throws, the topic is deleted again. */
  ensure(name: string, stillWanted: () => Promise<void>): Promise<ActiveTopic>;
  /** Appends one record at least. Rejects where one of them is not stored, or may be. */
  append(topic: ActiveTopic, records: readonly AppendRecord[]): Promise<void>;
}

/**
 * One partition, for ever, and room for the largest event of any topic: what a record may have in headers besides, with the reason, fits into the room that
 * drivers add (192 KiB).
 */
const settings = {
  schemaless: true,
  partitions: 1,
  retentionMs: 0,
  retentionBytes: 0,
  maxEventBytes: 8 * 1024 * 1024,
} as const;

export function createParkingTopics(log: EventLog, topics: TopicsService): ParkingTopics {
  const appenders = new Map<string, Appender>();
  const creating = new Map<string, Promise<ActiveTopic>>();

  async function find(name: string): Promise<ActiveTopic | undefined> {
    try {
      return topics.peek(name) ?? (await topics.require(name));
    } catch (error) {
      if (error instanceof BusError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async function create(name: string, stillWanted: () => Promise<void>): Promise<ActiveTopic> {
    await topics.create({ name, settings, adopt: false }).catch((error: unknown) => {
      if (!(error instanceof BusError && error.reason === 'TOPIC_ALREADY_EXISTS')) throw error;
    });
    const created = await topics.refresh(name);
    try {
      await stillWanted();
    } catch (error) {
      await topics.delete(name, created.incarnation).catch(() => undefined);
      throw error;
    }
    return created;
  }

  function appenderOf({ name }: ActiveTopic): Appender {
    const running = appenders.get(name);
    if (running) return running;
    const appender = createAppender(
      { log },
      name,
      0,
      () => topics.peek(name),
      () => appenders.delete(name),
    );
    appenders.set(name, appender);
    return appender;
  }

  const service: ParkingTopics = {
    find,

    async ensure(name, stillWanted) {
      const found = await find(name);
      if (found) return found;
      // One creation for all who need the topic now: each would wait for the lock of the one before.
      const running = creating.get(name);
      if (running !== undefined) return running.catch(() => service.ensure(name, stillWanted));
      const created = create(name, stillWanted).finally(() => creating.delete(name));
      creating.set(name, created);
      return created;
    },

    append(topic, records) {
      return new Promise((resolve, reject) => {
        let left = records.length;
        appenderOf(topic).enqueue({
          records,
          bytes: records.reduce((sum, record) => sum + recordBytes(record), 0),
          incarnation: topic.incarnation,
          group: {},
          behind: failedBefore,
          withdrawn: false,
          sentTo: 0,
          done(from, to, outcome) {
            left -= to - from;
            if (outcome instanceof BusError) reject(outcome);
            else if (left === 0) resolve();
          },
          released: () => undefined,
        });
      });
    },
  };
  return service;
}
