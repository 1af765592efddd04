import { BusError } from '../errors.js';
import { checkSubscriberName } from '../offsets/records.js';
import type { Authorizer } from '../ports/authorizer.js';
import { checkTopicName } from '../topics/names.js';
import type { SubscribeCommand } from './frames.js';

const mostTopics = 100;
const longestPattern = 249;
const mostPartitions = 10_000;
const mostDeliveries = 1_000;

/** Checks what can be checked without looking anything up. Throws INVALID_REQUEST, *_NAME_INVALID, PERMISSION_DENIED. */
export function checkCommand(command: SubscribeCommand, authorizer: Authorizer): void {
  const { topic, topics, pattern, subscriber } = command;
  const named = [topic, topics, pattern].filter((each) => each !== undefined);
  if (named.length !== 1) {
    throw new BusError('INVALID_REQUEST', 'name what to stream by exactly one of topic, topics and topic_pattern');
  }
  for (const each of topicNames(command)) authorizer.authorize('subscribe', each);
  if (topics) checkTopics(topics);
  if (pattern !== undefined) checkPattern(pattern, authorizer);
  if (command.readerSchemaVersion !== undefined && topicNames(command).length !== 1) {
    throw new BusError('INVALID_REQUEST', 'reader_schema_version is of one topic: name exactly one');
  }
  checkPartitions(command);
  if (subscriber !== undefined) {
    checkSubscriberName(subscriber);
    authorizer.authorize('commit', subscriber);
  } else {
    refuseWithoutSubscriber(command);
  }
  if (command.positionsFrom === 'client' && (command.commitMode ?? 'explicit') !== 'explicit') {
    throw new BusError(
      'INVALID_REQUEST',
      'positions_from CLIENT needs commit_mode EXPLICIT: the client holds the positions',
    );
  }
  checkNumbers(command);
  checkParking(command);
}

/** The topics that a command names. */
export function topicNames({ topic, topics }: SubscribeCommand): readonly string[] {
  return topics ?? (topic === undefined ? [] : [topic]);
}

/** Partitions and offsets are those of one topic, and a subscriber's partitions are not its streams' to choose. */
function checkPartitions(command: SubscribeCommand): void {
  const { partitions, from, subscriber } = command;
  if (partitions !== undefined) {
    if (topicNames(command).length !== 1) throw invalid('partitions are those of one topic: name exactly one');
    if (subscriber !== undefined) {
      throw invalid('partitions cannot be chosen with a subscriber, whose streams share all of them; read without one');
    }
    checkNumbersOf('partitions', partitions);
    if (new Set(partitions).size !== partitions.length) throw invalid('partitions names a partition twice');
  }
  if (from?.at === 'offsets') {
    if (topicNames(command).length !== 1) throw invalid('offsets are those of one topic: name exactly one');
    checkNumbersOf('offsets', [...from.offsets.keys()]);
    for (const [partition, offset] of from.offsets) {
      if (!Number.isSafeInteger(offset) || offset < 0) {
        throw invalid(
          `the offset ${offset} of partition ${partition} is not possible; offsets are whole numbers from 0`,
        );
      }
    }
    const other = partitions && [...from.offsets.keys()].find((each) => !partitions.includes(each));
    if (other !== undefined) throw invalid(`the start names partition ${other}, which partitions does not`);
  }
}

function checkNumbersOf(field: string, partitions: readonly number[]): void {
  if (partitions.length < 1 || partitions.length > mostPartitions) {
    throw invalid(`${field} names ${partitions.length} partitions; 1 to ${mostPartitions} are possible`);
  }
  const bad = partitions.find((each) => !Number.isSafeInteger(each) || each < 0);
  if (bad !== undefined) throw invalid(`${field} names partition ${bad}; partitions are numbers from 0`);
}

function invalid(message: string): BusError {
  return new BusError('INVALID_REQUEST', message);
}

function checkTopics(topics: readonly string[]): void {
  if (topics.length < 1 || topics.length > mostTopics) {
    throw new BusError('INVALID_REQUEST', `topics has ${topics.length} names; 1 to ${mostTopics} are possible`);
  }
  for (const topic of topics) checkTopicName(topic);
  const twice = topics.find((topic, i) => topics.indexOf(topic) !== i);
  if (twice !== undefined) throw new BusError('INVALID_REQUEST', `topics names ${twice} twice`);
}

function checkPattern(pattern: string, authorizer: Authorizer): void {
  if (pattern.length < 1 || pattern.length > longestPattern) {
    throw new BusError(
      'INVALID_REQUEST',
      `topic_pattern has ${pattern.length} characters; 1 to ${longestPattern} are possible`,
    );
  }
  const bad = /[^a-zA-Z0-9._*-]/u.exec(pattern)?.[0];
  if (bad !== undefined) {
    throw new BusError(
      'INVALID_REQUEST',
      `topic_pattern contains ${JSON.stringify(bad)}, which no topic's name does; * stands for any characters`,
    );
  }
  authorizer.authorize('subscribe', pattern);
}

/** What is about commits makes no sense where nothing is committed. */
function refuseWithoutSubscriber(command: SubscribeCommand): void {
  const { maxUncommitted, maxUncommittedBytes, commitTimeoutMs, commitMode = 'explicit' } = command;
  const set = {
    max_uncommitted: maxUncommitted !== undefined,
    max_uncommitted_bytes: maxUncommittedBytes !== undefined,
    commit_timeout: commitTimeoutMs !== undefined,
    commit_mode: commitMode !== 'explicit',
    positions_from: command.positionsFrom === 'client',
    max_deliveries: command.maxDeliveries !== undefined,
    park_key_sequence: command.parkKeySequence === true,
  };
  const [field] = Object.entries(set).find(([, isSet]) => isSet) ?? [];
  if (field) throw new BusError('INVALID_REQUEST', `${field} needs a subscriber: without one nothing is committed`);
}

/** The server parks for the client. It has to know what the client has processed, and to own what it parks. */
function checkParking({ maxDeliveries, parkKeySequence = false, commitMode = 'explicit' }: SubscribeCommand): void {
  if (commitMode !== 'explicit' && (maxDeliveries !== undefined || parkKeySequence)) {
    const field = maxDeliveries === undefined ? 'park_key_sequence' : 'max_deliveries';
    throw new BusError(
      'INVALID_REQUEST',
      `${field} needs commit_mode EXPLICIT: the client's commits tell what was processed`,
    );
  }
  if (maxDeliveries === undefined) return;
  if (!(Number.isSafeInteger(maxDeliveries) && maxDeliveries >= 1 && maxDeliveries <= mostDeliveries)) {
    throw new BusError('INVALID_REQUEST', `max_deliveries is ${maxDeliveries}; it must be 1 to ${mostDeliveries}`);
  }
}

function checkNumbers(command: SubscribeCommand): void {
  const { limit, heartbeatMs, maxUncommitted, maxUncommittedBytes, commitTimeoutMs } = command;
  const counts = { limit, max_uncommitted: maxUncommitted, max_uncommitted_bytes: maxUncommittedBytes };
  for (const [field, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new BusError('INVALID_REQUEST', `${field} is ${value}; it must be a whole number, at least 1`);
    }
  }
  if (heartbeatMs !== undefined && !(heartbeatMs >= 1_000 && heartbeatMs <= 60_000)) {
    throw new BusError('INVALID_REQUEST', `heartbeat_interval is ${heartbeatMs} ms; it must be 1 s to 60 s`);
  }
  const isOff = commitTimeoutMs === undefined || commitTimeoutMs === 0;
  if (!isOff && !(commitTimeoutMs >= 1_000 && commitTimeoutMs <= 3_600_000)) {
    throw new BusError(
      'INVALID_REQUEST',
      `commit_timeout is ${commitTimeoutMs} ms; it must be 1 s to 1 h, or 0 for none`,
    );
  }
}
