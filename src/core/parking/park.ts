import { Buffer } from 'node:buffer';
import { confirmed } from '../confirmed.js';
import { BusError } from '../errors.js';
import type { LogRecord } from '../model.js';
import {
  checkSubscriberName,
  type OffsetRecord,
  offsetPath,
  readOffsetRecord,
  requireSubscriber,
} from '../offsets/records.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { CommittedPosition, Subscriptions } from '../subscribe/frames.js';
import type { TopicsService } from '../topics/index.js';
import type { ActiveTopic } from '../topics/topic.js';
import { mostParked } from './fold.js';
import { parkedTopicOf } from './names.js';
import type { HoldCommand, ParkCommand } from './parking.js';
import { parkedRecord } from './records.js';
import type { ParkingTopics } from './topics.js';

export interface ParkPorts {
  readonly coordination: Coordination;
  readonly log: EventLog;
  readonly topics: TopicsService;
  readonly commit: Subscriptions['commit'];
  readonly parkingTopics: ParkingTopics;
}

const longestReasonBytes = 4 * 1024;

/**
 * Parks a record: the caller's ownership is checked, the record is read from the log, appended to the parked topic, and committed past. A crash before the
 * commit leaves it parked and uncommitted: it comes again, is parked again, and counts once.
 */
export async function parkRecord(
  ports: ParkPorts,
  command: ParkCommand,
  signal: AbortSignal,
): Promise<CommittedPosition> {
  const { coordination, log, topics, commit, parkingTopics } = ports;
  const { subscriber, partition, offset, reason, attempts, generation } = command;
  checkSubscriberName(subscriber);
  checkText(command);
  const topic = await topicOf({ coordination, topics }, command);
  checkPlace(topic, command);
  const checkOwner = () => checkOwnership(coordination, topic, command);
  await checkOwner();
  const record = await readRecord(log, topic, partition, offset, signal);

  const parkedTopic = await roomFor(ports, subscriber, 1, checkOwner);
  const { name, incarnation } = topic;
  const parked = { topic: name, incarnation, partition, offset, time: record.timestamp, reason, attempts };
  signal.throwIfAborted();
  await parkingTopics.append(parkedTopic, [parkedRecord(record, parked)]);

  const positions = [{ topic: name, incarnation, partition, nextOffset: offset + 1 }];
  const [committed] = await commit({ subscriber, positions, generation }, signal);
  return committed ?? { topic: name, partition, nextOffset: offset + 1 };
}

/** Why a record waits that nobody has tried. */
const heldReason =
  'held back: an earlier event of its key is parked, or redriven and not committed yet (park_key_sequence)';

/** Parks records of a stream in one append. Their positions stay: the consumer commits past them with what it was sent. */
export async function holdRecords(ports: ParkPorts, command: HoldCommand, signal: AbortSignal): Promise<void> {
  const { subscriber, topic, generation, records } = command;
  const { name, incarnation } = topic;
  const partitions = new Set(records.map(({ partition }) => partition));
  const checkOwners = async () => {
    for (const partition of partitions)
      await checkOwnership(ports.coordination, topic, { subscriber, partition, generation });
  };
  await checkOwners();
  const parkedTopic = await roomFor(ports, subscriber, records.length, checkOwners);
  signal.throwIfAborted();
  const parked = records.map(({ partition, record }) => {
    const { offset, timestamp: time } = record;
    const place = { topic: name, incarnation, partition, offset, time, reason: heldReason, attempts: 0 };
    return parkedRecord(record, place);
  });
  await ports.parkingTopics.append(parkedTopic, parked);
}

/** The parked topic, with room for so many records more. Throws PARKING_FULL. */
async function roomFor(
  { log, parkingTopics }: ParkPorts,
  subscriber: string,
  records: number,
  stillWanted: () => Promise<void>,
): Promise<ActiveTopic> {
  const parkedTopic = await parkingTopics.ensure(parkedTopicOf(subscriber), stillWanted);
  const { earliest, highWatermark } = await log.bounds(parkedTopic, 0);
  if (highWatermark - earliest + records > mostParked) throw full(subscriber);
  return parkedTopic;
}

function checkText({ reason, attempts }: ParkCommand): void {
  const bytes = Buffer.byteLength(reason);
  if (bytes > longestReasonBytes) {
    throw new BusError('INVALID_REQUEST', `reason has ${bytes} bytes; at most ${longestReasonBytes} are allowed`);
  }
  if (attempts < 0) throw new BusError('INVALID_REQUEST', `attempts is ${attempts}; it cannot be negative`);
}

function checkPlace({ name, settings }: ActiveTopic, { partition, offset }: ParkCommand): void {
  if (partition < 0 || partition >= settings.partitions) {
    throw new BusError('INVALID_REQUEST', `${name} has ${settings.partitions} partitions; there is no ${partition}`);
  }
  if (offset < 0) throw new BusError('INVALID_REQUEST', `offset is ${offset}; offsets begin at 0`);
}

/** The topic, read anew where the subscriber's position is of a life that memory does not know of. Throws as `Topics.refresh`. */
async function topicOf(
  { coordination, topics }: Pick<ParkPorts, 'coordination' | 'topics'>,
  { subscriber, topic: name, partition }: ParkCommand,
): Promise<ActiveTopic> {
  const topic = topics.peek(name) ?? (await topics.require(name));
  const entry = await coordination.get(offsetPath(subscriber, name, partition));
  const isKnown = !entry || readOffsetRecord(entry.value).incarnation === topic.incarnation;
  return isKnown ? topic : topics.refresh(name);
}

/** Throws FENCED or SUBSCRIBER_NOT_FOUND before anything is stored. The commit is what decides: it may be refused still. */
async function checkOwnership(
  coordination: Coordination,
  { name, incarnation }: ActiveTopic,
  { subscriber, partition, generation }: Pick<ParkCommand, 'subscriber' | 'partition' | 'generation'>,
): Promise<void> {
  const counts = (now: OffsetRecord | undefined) =>
    now?.owner !== undefined && (now.generation === generation || now.earlier.includes(generation));
  const record = await confirmed(
    coordination,
    async () => {
      const entry = await coordination.get(offsetPath(subscriber, name, partition));
      return entry && readOffsetRecord(entry.value);
    },
    (now) => !counts(now) || now?.incarnation !== incarnation,
  );
  if (!record) await requireSubscriber(coordination, subscriber);
  if (record && record.incarnation !== incarnation) {
    throw new BusError('CURSOR_STALE_TOPIC', `the position is of an earlier topic ${name} that has been deleted since`);
  }
  if (counts(record)) return;
  const why = record
    ? `generation ${generation} is not the current one (${record.generation}): another stream owns it`
    : `${subscriber} has no position there; subscribe first`;
  throw new BusError('FENCED', `nothing of partition ${partition} of ${name} can be parked: ${why}`, {
    metadata: { topic: name, partition: String(partition) },
  });
}

async function readRecord(
  log: EventLog,
  topic: ActiveTopic,
  partition: number,
  offset: number,
  signal: AbortSignal,
): Promise<LogRecord> {
  const { name } = topic;
  const result = await log.read(topic, partition, offset, 1, signal);
  if (result.outcome === 'ahead' || (result.outcome === 'ok' && offset >= result.highWatermark)) {
    throw new BusError(
      'CURSOR_AHEAD',
      `there is no record at offset ${offset} in partition ${partition} of ${name} yet: it ends at ${result.highWatermark}`,
    );
  }
  const record = result.outcome === 'ok' ? result.records[0] : undefined;
  if (record?.offset === offset) return record;
  const why =
    result.outcome === 'expired' ? 'retention has removed it' : 'none was ever stored there, or it was compacted away';
  throw new BusError(
    'RECORD_NOT_FOUND',
    `the record at offset ${offset} in partition ${partition} of ${name} is not there: ${why}; commit past it to go on`,
    { metadata: { topic: name, partition: String(partition), offset: String(offset) } },
  );
}

function full(subscriber: string): BusError {
  return new BusError(
    'PARKING_FULL',
    `the parked topic of ${subscriber} holds ${mostParked} records since its oldest one that is parked still; redrive or discard, the oldest first`,
    { metadata: { subscriber, most: String(mostParked) } },
  );
}
