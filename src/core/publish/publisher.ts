import { setMaxListeners } from 'node:events';
import { inTimeFor, OutOfTime, timeLeft } from '../deadline.js';
import { createDedupeWindows, type ShortWindow } from '../dedupe/windows.js';
import { BusError } from '../errors.js';
import type { Authorizer } from '../ports/authorizer.js';
import { type Clock, systemClock } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { type Checked, checkEvents, isReady, judge, warningsOf } from './admission.js';
import { type Appender, createAppender } from './appender.js';
import { createBudget } from './budget.js';
import { type Call, createCall } from './call.js';
import { addTo, type CallRun, type Runs, startIdentified } from './call-runs.js';
import type { EventResult, PublishCommand, Publishing, PublishLimits } from './command.js';
import { failedBefore, failedWith, type Order } from './order.js';
import { rotation } from './partitioner.js';
import { callRefusal } from './prepare.js';
import { duplicate, failed } from './results.js';
import { expireRun } from './run.js';
import { createPublishSession } from './session.js';
import { onAbort } from './withdrawals.js';

export interface Publisher extends Publishing {
  /** Refuses further calls with SHUTTING_DOWN, and resolves when nothing is queued any more. */
  drain(): Promise<void>;
}

interface PublisherPorts {
  readonly log: EventLog;
  readonly topics: Topics;
  readonly authorizer: Authorizer;
  readonly limits: PublishLimits;
  readonly clock?: Clock | undefined;
  /** Told when the window in which a topic's events are recognised is shorter than its settings say: once, until it is whole again. */
  readonly onShortWindow?: ((short: ShortWindow) => void) | undefined;
}

/** The longest idempotency key, in characters. */
const longestKey = 255;

/** The produce path: authorize, check everything, take room for everything, queue, wait for the log. */
export function createPublisher({
  log,
  topics,
  authorizer,
  limits,
  clock = systemClock,
  onShortWindow = () => undefined,
}: PublisherPorts): Publisher {
  const windows = createDedupeWindows({ log, clock, topics, bytes: limits.dedupeBytes, onShortWindow });
  const budget = createBudget(limits);
  const anyPartition = rotation();
  const { appendTimeoutMs } = limits;
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
      const done = () => appenders.delete(name);
      appender = createAppender({ log, windows, clock, appendTimeoutMs }, topic.name, partition, now, done);
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

  /** Checks the events of a call. Throws where that refuses it as a whole. */
  function checked(topic: ActiveTopic, command: PublishCommand): Checked {
    const call = checkEvents(topic, command, windows, anyPartition(topic.settings.partitions));
    const { events, refused, bytes } = call;
    if (command.mode === 'all_or_nothing' && refused.length > 0) throw callRefusal(refused, events.length);
    if (bytes > limits.bytesPerCall + events.length * 256) {
      throw new BusError(
        'BATCH_TOO_LARGE',
        `the events have ${bytes} bytes in all; a call may bring ${limits.bytesPerCall}`,
      );
    }
    return call;
  }

  /** The checked call, if all that this takes is in memory. */
  function checkNow(command: PublishCommand): Checked | undefined {
    const topic = peek(command);
    return topic && checked(topic, command);
  }

  /** The same, after what has to be waited for. @param begun what `checkNow` came to */
  async function checkInTime(command: PublishCommand, signal: AbortSignal, begun?: Checked): Promise<Checked> {
    for (let call = begun; ; call = undefined) {
      const { topic: name, schemaVersion } = command;
      call ??= checked(peek(command) ?? (await inTimeFor(signal, topics.require(name, schemaVersion))), command);
      const { topic } = call;
      if (isReady(call)) return call;
      // What waits takes room as what is queued does.
      budget.reserve(topic.name, call.bytes);
      try {
        await Promise.all([...call.windows.values()].map((window) => window.isReady || window.ready(signal)));
      } finally {
        budget.release(topic.name, call.bytes);
      }
      draining.signal.throwIfAborted();
      if (presentTopic(topic.name, topic) === topic) return call;
    }
  }

  /** Everything from here to the queue happens in one go, so that calls keep the order of their arrival. */
  function admit(checked: Checked, order: Order | undefined, signal: AbortSignal): Promise<EventResult[]> {
    signal.throwIfAborted();
    const { topic, command, events, schemaVersion } = checked;
    const { mode } = command;
    for (const warning of warningsOf(checked, windows)) command.onWarning?.(warning);
    const call = createCall(mode, events.length);
    const runs: Runs = new Map();
    const left = () => timeLeft(signal);
    const startIn = (partition: number) => startRun(topic, partition, schemaVersion, call, order, left);
    const reused: BusError[] = [];
    const judgementOf = judge(checked);
    let bytes = 0;
    events.forEach((prepared, index) => {
      if (prepared instanceof BusError) {
        order?.refused(prepared);
        call.settle(index, { status: 'rejected', error: prepared });
        return;
      }
      const { partition } = prepared;
      const halted = order?.check(topic.name, partition);
      if (halted) {
        if (mode === 'all_or_nothing') throw halted;
        call.settle(index, { status: 'not_stored', error: halted });
        return;
      }
      const judgement = judgementOf(index);
      if (judgement === undefined) {
        addTo(runs, prepared, index, startIn);
        bytes += prepared.bytes;
      } else if (judgement instanceof BusError) {
        reused.push(judgement);
        order?.refused(judgement);
        if (mode === 'independent') call.settle(index, { status: 'rejected', error: judgement });
      } else call.settle(index, duplicate(partition, judgement, schemaVersion));
    });
    if (reused.length > 0 && mode === 'all_or_nothing') throw callRefusal(reused, events.length);
    if (bytes > 0) budget.reserve(topic.name, bytes);
    enqueue(topic, runs, call, signal);
    return call.results;
  }

  function enqueue(topic: ActiveTopic, runs: Runs, call: Call, signal: AbortSignal): void {
    const withdraw = () => {
      if (signal.reason instanceof OutOfTime) {
        for (const run of runs.values()) expireRun(run, signal.reason);
        return;
      }
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
    order: Order | undefined,
    left: () => number | undefined,
  ): CallRun {
    /** Which event of the call each record is. */
    const events: number[] = [];
    return {
      events,
      records: [],
      identified: undefined,
      identify: () => startIdentified(partition, schemaVersion, call, events),
      bytes: 0,
      incarnation: topic.incarnation,
      group: order ?? call,
      behind: order || call.mode === 'all_or_nothing' ? failedBefore : failedWith,
      withdrawn: false,
      sentTo: 0,
      timeLeft: left,
      released: (bytes) => budget.release(topic.name, bytes),
      done(from, to, outcome) {
        if (outcome instanceof BusError) {
          order?.halt(topic.name, partition, outcome);
          for (let i = from; i < to; i++) call.settle(events[i] ?? 0, failed(outcome));
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
    if (count === 0 && !command.mayBeEmpty)
      throw new BusError('INVALID_REQUEST', 'events is empty; at least one event is required');
    if (count > limits.eventsPerCall) {
      throw new BusError('BATCH_TOO_LARGE', `${count} events; a call may bring ${limits.eventsPerCall}`);
    }
    const { idempotencyKey } = command;
    if (idempotencyKey !== undefined && (idempotencyKey === '' || idempotencyKey.length > longestKey)) {
      throw new BusError(
        'INVALID_REQUEST',
        `the idempotency key has ${idempotencyKey.length} characters; 1 to ${longestKey} are allowed`,
      );
    }
  }

  return {
    async publish(command, signal) {
      check(command);
      if (command.events.length === 0) {
        await topics.require(command.topic, command.schemaVersion);
        return [];
      }
      const now = checkNow(command);
      return admit(now && isReady(now) ? now : await checkInTime(command, signal, now), undefined, signal);
    },
    openStream: () =>
      createPublishSession({
        draining: draining.signal,
        check,
        checkNow,
        checkInTime,
        admit,
        peek,
        anyPartition,
        appenderOf,
        budget,
        windows,
        bytesPerCall: limits.bytesPerCall,
      }),
    async drain() {
      draining.abort(new BusError('SHUTTING_DOWN', 'the server is shutting down; connect again'));
      await Promise.all([...appenders.values()].map((appender) => appender.idle));
      windows.close();
    },
  };
}
