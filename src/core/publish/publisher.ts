import { setMaxListeners } from 'node:events';
import { BusError } from '../errors.js';
import type { AppendRecord } from '../model.js';
import type { Authorizer } from '../ports/authorizer.js';
import type { EventLog } from '../ports/event-log.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { type Appender, createAppender, type Run } from './appender.js';
import { createBudget } from './budget.js';
import { type Call, createCall } from './call.js';
import type { EventResult, PublishCommand, Publishing, PublishLimits } from './command.js';
import { rotation } from './partitioner.js';
import { callRefusal, type Prepared, preparation } from './prepare.js';
import { createPublishSession, type Order } from './session.js';
import { onAbort } from './withdrawals.js';

export interface Publisher extends Publishing {
  /** Refuses further calls with SHUTTING_DOWN, and resolves when nothing is queued any more. */
  drain(): Promise<void>;
}

/** A run that is still being filled. */
interface CallRun extends Run {
  readonly records: AppendRecord[];
  readonly events: number[];
  bytes: number;
}

interface PublisherPorts {
  readonly log: EventLog;
  readonly topics: Topics;
  readonly authorizer: Authorizer;
  readonly limits: PublishLimits;
}

/** The produce path: authorize, check everything, take room for everything, queue, wait for the log. */
export function createPublisher({ log, topics, authorizer, limits }: PublisherPorts): Publisher {
  const budget = createBudget(limits);
  const anyPartition = rotation();
  /** By `topic/partition`; an appender is dropped when it runs idle. */
  const appenders = new Map<string, Appender>();
  const draining = new AbortController();
  // Every open stream listens.
  setMaxListeners(0, draining.signal);

  function appenderOf(topic: ActiveTopic, partition: number): Appender {
    const name = `${topic.name}/${partition}`;
    let appender = appenders.get(name);
    if (!appender) {
      let last: ActiveTopic | undefined = topic;
      const now = () => {
        last = presentTopic(topic.name, last);
        return last;
      };
      appender = createAppender(log, topic.name, partition, now, () => appenders.delete(name));
      appenders.set(name, appender);
    }
    return appender;
  }

  /** Where coordination has been away for too long to say, what was admitted before still counts. */
  function presentTopic(name: string, last: ActiveTopic | undefined): ActiveTopic | undefined {
    try {
      return topics.peek(name);
    } catch {
      return last;
    }
  }

  /** Everything between the topic's snapshot and the queue happens in one go, so that calls keep the order of their arrival. */
  function admit(
    topic: ActiveTopic,
    command: PublishCommand,
    order: Order | undefined,
    signal: AbortSignal,
  ): Promise<EventResult[]> {
    signal.throwIfAborted();
    const { events, mode } = command;
    const { prepare, schemaVersion, warning } = preparation(
      topic,
      command.schemaVersion,
      anyPartition(topic.settings.partitions),
    );
    if (warning !== undefined) command.onWarning?.(warning);
    const call = createCall(mode, events.length);
    const accepted: (Prepared | undefined)[] = new Array(events.length);
    const refused: BusError[] = [];
    let bytes = 0;
    events.forEach((event, index) => {
      const prepared = prepare(event, index);
      if (!(prepared instanceof BusError)) {
        const halted = order?.check(topic.name, prepared.partition);
        if (halted) {
          if (mode === 'all_or_nothing') throw halted;
          call.settle(index, { status: 'not_stored', error: halted });
          return;
        }
        accepted[index] = prepared;
        bytes += prepared.bytes;
        return;
      }
      refused.push(prepared);
      order?.refused(prepared);
      if (mode === 'independent') call.settle(index, { status: 'rejected', error: prepared });
    });
    if (refused.length > 0 && mode === 'all_or_nothing') throw callRefusal(refused, events.length);
    if (bytes > limits.bytesPerCall + events.length * 256) {
      throw new BusError(
        'BATCH_TOO_LARGE',
        `the events have ${bytes} bytes in all; a call may bring ${limits.bytesPerCall}`,
      );
    }
    budget.reserve(topic.name, bytes);
    enqueue(topic, accepted, schemaVersion, call, order, signal);
    return call.results;
  }

  function enqueue(
    topic: ActiveTopic,
    accepted: readonly (Prepared | undefined)[],
    schemaVersion: number | undefined,
    call: Call,
    order: Order | undefined,
    signal: AbortSignal,
  ): void {
    const group = order ?? call;
    const runs = new Map<number, CallRun>();
    accepted.forEach((prepared, index) => {
      if (!prepared) return;
      const { partition, record, bytes } = prepared;
      let run = runs.get(partition);
      if (!run) {
        run = startRun(topic, partition, schemaVersion, call, group, order);
        runs.set(partition, run);
      }
      run.records.push(record);
      run.events.push(index);
      run.bytes += bytes;
    });
    const withdraw = () => {
      for (const run of runs.values()) run.withdrawn = true;
      call.abort(BusError.from(signal.reason));
    };
    const settled = onAbort(signal, withdraw);
    call.results.then(settled, settled);
    for (const [partition, run] of runs) appenderOf(topic, partition).enqueue(run);
  }

  function startRun(
    topic: ActiveTopic,
    partition: number,
    schemaVersion: number | undefined,
    call: Call,
    group: object,
    order: Order | undefined,
  ): CallRun {
    /** Which event of the call each record is. */
    const events: number[] = [];
    return {
      events,
      records: [],
      bytes: 0,
      incarnation: topic.incarnation,
      group,
      withdrawn: false,
      released: (bytes) => budget.release(topic.name, bytes),
      done(from, to, outcome) {
        if (outcome instanceof BusError) {
          order?.halt(topic.name, partition, outcome);
          const status = outcome.reason === 'STORE_OUTCOME_UNKNOWN' ? 'unknown' : 'not_stored';
          for (let i = from; i < to; i++) call.settle(events[i] ?? 0, { status, error: outcome });
          return;
        }
        const { baseOffset, timestamp } = outcome;
        for (let i = from; i < to; i++) {
          const offset = baseOffset + i - from;
          call.settle(events[i] ?? 0, { status: 'stored', partition, offset, timestamp, schemaVersion });
        }
      },
    };
  }

  /** A version that is asked for by number may be newer than what is in memory. */
  function peek({ topic, schemaVersion }: PublishCommand): ActiveTopic | undefined {
    return schemaVersion === undefined ? topics.peek(topic) : undefined;
  }

  function check(command: PublishCommand): void {
    draining.signal.throwIfAborted();
    authorizer.authorize('publish', command.topic);
    const count = command.events.length;
    if (count === 0) throw new BusError('INVALID_REQUEST', 'events is empty; at least one event is required');
    if (count > limits.eventsPerCall) {
      throw new BusError('BATCH_TOO_LARGE', `${count} events; a call may bring ${limits.eventsPerCall}`);
    }
  }

  return {
    async publish(command, signal) {
      check(command);
      const topic = peek(command) ?? (await topics.require(command.topic, command.schemaVersion));
      return admit(topic, command, undefined, signal);
    },
    openStream: () =>
      createPublishSession({
        draining: draining.signal,
        check,
        peek,
        require: (command) => topics.require(command.topic, command.schemaVersion),
        admit,
      }),
    async drain() {
      draining.abort(new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again'));
      await Promise.all([...appenders.values()].map((appender) => appender.idle));
    },
  };
}
