import { BusError } from '../errors.js';
import type { Authorizer } from '../ports/authorizer.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import type { SchemaCompiler } from '../ports/schema-compiler.js';
import type { SchemaRegistry } from '../schema-registry/commands.js';
import type { Delivery } from '../subscribe/frames.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { createExamples } from './examples.js';
import { readOne } from './one-record.js';
import { type Profile, profileLimits, profileTopic } from './profile/profile.js';

/** A look at what topics hold, as transports use it. All throw the topic's errors, and LOG_UNAVAILABLE. */
export interface Exploration {
  /** Throws RECORD_NOT_FOUND, which says what is there instead. */
  record(topic: string, partition: number, offset: number, signal: AbortSignal): Promise<Delivery>;
  /**
   * @param last so many of the newest records, 1 to 1,000,000
   *
   * Throws INVALID_REQUEST, and OVERLOADED while two profiles are being made.
   */
  profile(topic: string, last: number, signal: AbortSignal): Promise<Profile>;
  /** A document that can be published to a topic, as JSON; undefined where none was found. Takes a few milliseconds of CPU the first time, and never throws. */
  example(topic: string): Promise<string | undefined>;
}

export interface ExplorationPorts {
  readonly log: EventLog;
  readonly topics: Topics;
  readonly schemas: SchemaRegistry;
  readonly compiler: SchemaCompiler;
  readonly authorizer: Authorizer;
  /** Default: this machine's. */
  readonly clock?: Clock | undefined;
}

/** Each takes a good part of the event loop while it runs. */
const profilesAtOnce = 2;

export function createExploration({ clock = systemClock, ...ports }: ExplorationPorts): Exploration {
  const { log, topics, authorizer } = ports;
  let running = 0;
  /** As many partitions, and the life, that the log has now. */
  async function find(topic: string): Promise<ActiveTopic> {
    await topics.confirm([topic]);
    return topics.peek(topic) ?? topics.require(topic);
  }

  return {
    example: createExamples(ports),

    async record(topic, partition, offset, signal) {
      authorizer.authorize('subscribe', topic);
      return readOne(log, await find(topic), partition, offset, signal);
    },

    async profile(topic, last, signal) {
      authorizer.authorize('subscribe', topic);
      if (!Number.isInteger(last) || last < 1 || last > profileLimits.last) {
        throw new BusError('INVALID_REQUEST', `last is ${last}; it can be 1 to ${profileLimits.last}`);
      }
      const found = await find(topic);
      if (running >= profilesAtOnce) {
        throw new BusError('OVERLOADED', `${running} profiles are being made already; try again when they are done`, {
          retryAfterMs: 1_000,
        });
      }
      running++;
      try {
        return await profileTopic({ log, clock }, found, last, signal);
      } finally {
        running--;
      }
    },
  };
}
