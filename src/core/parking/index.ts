import { confirmed } from '../confirmed.js';
import { mapped } from '../coordination-errors.js';
import { BusError } from '../errors.js';
import { checkSubscriberName, noSubscriber } from '../offsets/records.js';
import type { Authorizer } from '../ports/authorizer.js';
import type { Clock } from '../ports/clock.js';
import { toDeliveries } from '../subscribe/delivery.js';
import { readState } from '../subscribers/state.js';
import { withTopicLock } from '../topics/lock.js';
import type { ActiveTopic } from '../topics/topic.js';
import { createParkedFold, type ParkedEntry, type ParkedState } from './fold.js';
import { drainingKeys, noHeldKeys, parkedKeys } from './held-keys.js';
import { parkedTopicOf, redriveTopicOf } from './names.js';
import { holdRecords, type ParkPorts, parkRecord } from './park.js';
import type { ParkedInfo, Parking, Selection, StreamParking } from './parking.js';
import { originalHeaders } from './records.js';
import {
  createParkedReader,
  discardEntries,
  inOrder,
  notParked,
  placeOf,
  redriveEntries,
  select,
  trimRedriven,
} from './resolve.js';
import { createParkingTopics } from './topics.js';

const mostPerList = 1_000;
const mostPerSelection = 1_000;
const lockWaitMs = 10_000;

interface ParkingPorts extends Omit<ParkPorts, 'parkingTopics'> {
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  /** Ends waits for other calls that resolve. */
  readonly closing: AbortSignal;
}

export interface ParkingService extends Parking, StreamParking {
  /** How many records a subscriber has parked. Throws LOG_UNAVAILABLE. */
  count(subscriber: string): Promise<number>;
}

/** Parked records: an event-sourced topic per subscriber, of what was parked and what became of it. */
export function createParking(ports: ParkingPorts): ParkingService {
  const { coordination, log, topics, authorizer, closing } = ports;
  const parkingTopics = createParkingTopics(log, topics);
  const fold = createParkedFold(log);
  const own = { coordination, log, parkingTopics, fold };

  async function checkExists(subscriber: string): Promise<void> {
    const look = () => readState(coordination, subscriber);
    if (!(await confirmed(coordination, look, (state) => !state))) throw noSubscriber(subscriber);
  }

  /** What a subscriber has parked; undefined where it never has. */
  async function stateOf(subscriber: string): Promise<{ topic: ActiveTopic; state: ParkedState } | undefined> {
    const topic = await parkingTopics.find(parkedTopicOf(subscriber));
    if (topic) return { topic, state: await fold.read(topic) };
    await checkExists(subscriber);
    return undefined;
  }

  /** One at a time over all instances, so that nothing is sent twice without a crash. */
  async function resolving(
    subscriber: string,
    selection: Selection,
    run: (topic: ActiveTopic, state: ParkedState, entries: readonly ParkedEntry[]) => Promise<void>,
  ): Promise<number> {
    checkSubscriberName(subscriber);
    authorizer.authorize('manage', subscriber);
    checkSelection(selection);
    await checkExists(subscriber);
    const name = parkedTopicOf(subscriber);
    return withTopicLock(ports, name, { ms: lockWaitMs, signal: closing }, async (lock) => {
      const found = await stateOf(subscriber);
      const entries = found ? select(found.state, selection) : [];
      const [missing] = selection === 'all' || found ? [] : selection;
      if (missing) throw notParked(missing);
      lock.check();
      if (found && entries.length > 0) await run(found.topic, found.state, entries);
      return entries.length;
    });
  }

  return {
    park: (command, signal) =>
      mapped(async () => {
        authorizer.authorize('commit', command.subscriber);
        return parkRecord({ ...ports, parkingTopics }, command, signal);
      }),

    hold: (command, signal) => mapped(() => holdRecords({ ...ports, parkingTopics }, command, signal)),

    heldKeys: (subscriber) =>
      mapped(async () => {
        const topic = await parkingTopics.find(parkedTopicOf(subscriber));
        if (!topic) return noHeldKeys;
        // In this order: a record is in the redrive topic before it is parked no more.
        const state = await fold.read(topic);
        const redriveTopic = await parkingTopics.find(redriveTopicOf(subscriber));
        const draining = redriveTopic ? await drainingKeys(ports, subscriber, redriveTopic) : noHeldKeys.draining;
        return { parked: parkedKeys(state), origins: new Set(state.entries.keys()), draining };
      }),

    listParked: (subscriber, limit, after) =>
      mapped(async () => {
        authorizer.authorize('describe', subscriber);
        checkSubscriberName(subscriber);
        if (!(limit >= 1 && limit <= mostPerList)) {
          throw new BusError('INVALID_REQUEST', `limit is ${limit}; it must be 1 to ${mostPerList}`);
        }
        const found = await stateOf(subscriber);
        const entries = found ? inOrder(found.state) : [];
        const from = after ? entries.findLastIndex((entry) => placeOf(entry) === placeOf(after)) + 1 : 0;
        if (after && from === 0) throw notParked(after);
        return { records: entries.slice(from, from + limit).map((entry) => toInfo(entry)), total: entries.length };
      }),

    getParked: (subscriber, position) =>
      mapped(async () => {
        authorizer.authorize('describe', subscriber);
        checkSubscriberName(subscriber);
        const found = await stateOf(subscriber);
        const entry = found && inOrder(found.state).findLast((each) => placeOf(each) === placeOf(position));
        if (!entry) throw notParked(position);
        const { record, parked } = await createParkedReader(log, found.topic)(entry);
        const { offset, time: timestamp } = parked;
        const original = { ...record, offset, timestamp, headers: originalHeaders(record.headers) };
        const [delivery] = toDeliveries(parked.partition, [original]);
        if (!delivery) throw notParked(position);
        return { parked: toInfo(entry, parked.reason), delivery };
      }),

    redrive: (subscriber, selection) =>
      mapped(() =>
        resolving(subscriber, selection, async (topic, state, entries) => {
          const redriveTopic = await parkingTopics.ensure(redriveTopicOf(subscriber), () => checkExists(subscriber));
          await trimRedriven(own, subscriber, redriveTopic);
          await redriveEntries(own, topic, redriveTopic, state, entries);
        }),
      ),

    discard: (subscriber, selection) =>
      mapped(() =>
        resolving(subscriber, selection, (topic, state, entries) => discardEntries(own, topic, state, entries)),
      ),

    async count(subscriber) {
      const topic = await parkingTopics.find(parkedTopicOf(subscriber));
      return topic ? (await fold.read(topic)).entries.size : 0;
    },
  };
}

function checkSelection(selection: Selection): void {
  if (selection === 'all') return;
  if (selection.length === 0) throw new BusError('INVALID_REQUEST', 'give positions, or all');
  if (selection.length > mostPerSelection) {
    throw new BusError(
      'INVALID_REQUEST',
      `${selection.length} positions; at most ${mostPerSelection} per call, or all`,
    );
  }
}

function toInfo(entry: ParkedEntry, reason = entry.reason): ParkedInfo {
  const { topic, partition, offset, attempts, parkedAt, payloadBytes } = entry;
  return { position: { topic, partition, offset }, reason, attempts, parkedAt, payloadBytes };
}
