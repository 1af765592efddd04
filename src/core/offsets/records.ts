import { Buffer } from 'node:buffer';
import { BusError } from '../errors.js';
import type { Coordination, Path } from '../ports/coordination.js';
import type { PartitionSet } from './assign.js';
import { type DeliveryAttempts, readAttempts } from './attempts.js';

/** Where a subscriber is in a partition, as coordination holds it. It is the fence: only who knows the generation may move it. */
export interface OffsetRecord {
  /** The life of the topic that `next` belongs to. */
  readonly incarnation: string;
  /** Of the last claim; 0 before the first one. It grows with each claim, and never restarts. Each number is one stream's only. */
  readonly generation: number;
  /** The offset of the first record that is not committed. */
  readonly next: number;
  /** The epoch that `next` was taken in, see `EventLog.divergence`. Undefined where it is not known, as in records of version 1606b0d. */
  readonly epoch?: number | undefined;
  /** The id of the stream that has claimed it. A stream that left may still stand here: it owns nothing once its stream record is gone. */
  readonly owner: string | undefined;
  /** Generations in which the same owner has held the partition without a break, at most 16: commits under way that name them count. */
  readonly earlier: readonly number[];
  /** When `next` was written last, by a commit or at the start; milliseconds since 1970, by the clock of the instance that wrote it. */
  readonly committedAt: number | undefined;
  /** The same of the last claim. */
  readonly claimedAt: number | undefined;
  /** Undefined unless records from `next` on were sent and not committed by a stream that counts. */
  readonly attempts?: DeliveryAttempts | undefined;
}

/** Who owns which partitions of a subscriber: written as a whole, by compare-and-set. Kept for as long as the subscriber exists. */
export interface AssignmentRecord {
  /** The next generation to give away: larger than all that were ever given. */
  readonly next: number;
  /** Changes when an operator moves the positions of connected streams: each stream serves only in the epoch in which it joined. */
  readonly epoch: string;
  /** All streams that were there, by id; those that wait have nothing. */
  readonly members: ReadonlyMap<string, MemberShare>;
  /** A reset that has been decided, and is not in all the offset records yet: before anything else it is carried out. */
  readonly pending?: PendingReset | undefined;
  /** The subscriber is gone; what is left of it is being removed. */
  readonly deleting?: boolean | undefined;
}

/** Where positions go, all of them at once. */
export interface PendingReset {
  /** What the offset records get: larger than all that were given before. */
  readonly generation: number;
  /** When it was decided; milliseconds since 1970. */
  readonly at: number;
  /** By topic. */
  readonly positions: ReadonlyMap<string, NewPositions>;
}

export interface NewPositions {
  readonly incarnation: string;
  /** By partition. */
  readonly offsets: ReadonlyMap<number, number>;
}

export interface MemberShare {
  /** Of the last time that the stream was given a partition; 0: never. */
  readonly generation: number;
  readonly partitions: PartitionSet;
  /** It has been idle while others waited: it gets only what nobody else may own, until it is heard of. */
  readonly yields: boolean;
}

/** A position that a client has set, for the instance that serves its stream. */
export interface RecordedPosition {
  /** `keyOf` the partition. */
  readonly key: string;
  readonly next: number;
  /** The generation that the client has named. */
  readonly generation: number;
}

/** A connected stream; the record vanishes with the session of its instance. */
export interface StreamRecord {
  /** Undefined: those that match the pattern. */
  readonly topics: readonly string[] | undefined;
  readonly pattern: string | undefined;
  /** The instance that serves it, for people. */
  readonly instance: string;
  /** When it connected; milliseconds since 1970. */
  readonly since: number;
  readonly readerSchemaVersion: number | undefined;
  /** When its consumer said to another instance that it lives; milliseconds since 1970, by the clock of that instance. */
  readonly aliveAt?: number | undefined;
  /** Its client says where partitions begin; `skip`: also where retention has removed the records. */
  readonly takesPositions?: 'fail' | 'skip' | undefined;
  /** The positions that its client has set at other instances. */
  readonly positions?: readonly RecordedPosition[] | undefined;
}

export interface Versioned<T> {
  readonly record: T;
  readonly version: number;
}

export const subscriberPath = (subscriber: string): Path => ['subscribers', subscriber];
export const assignmentPath = (subscriber: string): Path => ['subscribers', subscriber, 'assignment'];
export const streamsPath = (subscriber: string): Path => ['subscribers', subscriber, 'streams'];
export const streamPath = (subscriber: string, streamId: string): Path => [
  'subscribers',
  subscriber,
  'streams',
  streamId,
];
export const offsetsPath = (subscriber: string): Path => ['subscribers', subscriber, 'offsets'];
export const topicOffsetsPath = (subscriber: string, topic: string): Path => [...offsetsPath(subscriber), topic];
export const offsetPath = (subscriber: string, topic: string, partition: number): Path => [
  ...topicOffsetsPath(subscriber, topic),
  String(partition),
];
/** Holds `{floor}`, no smaller than any generation of a subscriber that was deleted: who comes after it starts above. */
export const generationsPath: Path = ['generations'];

export function writeRecord(record: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

export function writeAssignment({ next, epoch, members, pending, deleting }: AssignmentRecord): Uint8Array {
  const shares = [...members].map(([id, { generation, partitions, yields }]) => [
    id,
    { generation, topics: Object.fromEntries(partitions), ...(yields ? { yields } : {}) },
  ]);
  return writeRecord({
    format: 1,
    next,
    epoch,
    members: Object.fromEntries(shares),
    pending: pending && writePending(pending),
    deleting: deleting || undefined,
  });
}

/** Throws INTERNAL where a record is not what this version of the bus writes. */
export function readOffsetRecord(value: Uint8Array): OffsetRecord {
  const record = readJson(value);
  if (
    record &&
    typeof record['incarnation'] === 'string' &&
    Number.isSafeInteger(record['generation']) &&
    Number.isSafeInteger(record['next'])
  ) {
    return {
      incarnation: record['incarnation'],
      generation: Number(record['generation']),
      next: Number(record['next']),
      ...(Number.isSafeInteger(record['epoch']) ? { epoch: Number(record['epoch']) } : {}),
      owner: typeof record['owner'] === 'string' ? record['owner'] : undefined,
      earlier: numbers(record['earlier']),
      committedAt: optionalNumber(record['committedAt']),
      claimedAt: optionalNumber(record['claimedAt']),
      attempts: readAttempts(record['attempts']),
    };
  }
  throw new BusError('INTERNAL', 'a committed position in coordination is damaged');
}

/** Throws INTERNAL where it is not what this version of the bus writes. */
export function readAssignmentRecord(value: Uint8Array): AssignmentRecord {
  const record = readJson(value);
  const members = asObject(record?.['members']);
  const epoch = record?.['epoch'];
  const pending = readPending(record?.['pending']);
  if (!record || !Number.isSafeInteger(record['next']) || typeof epoch !== 'string' || !members || pending === null) {
    throw new BusError('INTERNAL', "a subscriber's assignment in coordination is damaged");
  }
  return {
    next: Number(record['next']),
    epoch,
    members: new Map(Object.entries(members).map(([id, share]) => [id, readShare(share)])),
    ...(pending ? { pending } : {}),
    ...(record['deleting'] === true ? { deleting: true } : {}),
  };
}

/** Null where it is damaged: half a reset would be no reset. */
function readPending(value: unknown): PendingReset | null | undefined {
  if (value === undefined) return undefined;
  const record = asObject(value);
  const topics = asObject(record?.['positions']);
  if (!record || !Number.isSafeInteger(record['generation']) || !topics) return null;
  const positions = new Map<string, NewPositions>();
  for (const [topic, each] of Object.entries(topics)) {
    const { incarnation, next } = asObject(each) ?? {};
    const pairs = Array.isArray(next) ? next.map(numbers) : [];
    if (typeof incarnation !== 'string' || pairs.length === 0) return null;
    const offsets = new Map<number, number>();
    for (const [partition, offset] of pairs) {
      if (partition === undefined || offset === undefined) return null;
      offsets.set(partition, offset);
    }
    positions.set(topic, { incarnation, offsets });
  }
  return { generation: Number(record['generation']), at: optionalNumber(record['at']) ?? 0, positions };
}

function writePending({ generation, at, positions }: PendingReset) {
  const topics = [...positions].map(([topic, { incarnation, offsets }]) => [
    topic,
    { incarnation, next: [...offsets] },
  ]);
  return { generation, at, positions: Object.fromEntries(topics) };
}

function readShare(value: unknown): MemberShare {
  const share = asObject(value);
  const topics = Object.entries(asObject(share?.['topics']) ?? {});
  return {
    generation: optionalNumber(share?.['generation']) ?? 0,
    partitions: new Map(topics.map(([topic, partitions]) => [topic, numbers(partitions)])),
    yields: share?.['yields'] === true,
  };
}

/** What cannot be read is a stream of no topics: it gets nothing. */
export function readStreamRecord(value: Uint8Array): StreamRecord {
  const record = readJson(value);
  const { topics, pattern, instance } = record ?? {};
  const names = Array.isArray(topics) ? topics.filter((topic) => typeof topic === 'string') : undefined;
  return {
    topics: names ?? (typeof pattern === 'string' ? undefined : []),
    pattern: typeof pattern === 'string' ? pattern : undefined,
    instance: typeof instance === 'string' ? instance : '',
    since: optionalNumber(record?.['since']) ?? 0,
    readerSchemaVersion: optionalNumber(record?.['readerSchemaVersion']),
    aliveAt: optionalNumber(record?.['aliveAt']),
    takesPositions: readTakesPositions(record?.['takesPositions']),
    positions: readPositions(record?.['positions']),
  };
}

function readTakesPositions(value: unknown): StreamRecord['takesPositions'] {
  return value === 'fail' || value === 'skip' ? value : undefined;
}

function readPositions(value: unknown): StreamRecord['positions'] {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((each: unknown) => {
    const { key, next, generation } = asObject(each) ?? {};
    const isWhole = typeof key === 'string' && typeof next === 'number' && typeof generation === 'number';
    return isWhole ? [{ key, next, generation }] : [];
  });
}

/** Throws CoordinationErrors, and INTERNAL as above. */
export async function readOffset(
  coordination: Coordination,
  subscriber: string,
  topic: string,
  partition: number,
): Promise<Versioned<OffsetRecord> | undefined> {
  const entry = await coordination.get(offsetPath(subscriber, topic, partition));
  return entry && { record: readOffsetRecord(entry.value), version: entry.version };
}

/** Throws CoordinationErrors, and INTERNAL as above. */
export async function readAssignment(
  coordination: Coordination,
  subscriber: string,
): Promise<Versioned<AssignmentRecord> | undefined> {
  const entry = await coordination.get(assignmentPath(subscriber));
  return entry && { record: readAssignmentRecord(entry.value), version: entry.version };
}

/** A record's JSON object; undefined where it holds none. */
export function readJson(value: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.filter((each) => Number.isSafeInteger(each)) : [];
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Subscribers' names: 1 to 200 characters, well-formed, without control characters. Throws SUBSCRIBER_NAME_INVALID. */
export function checkSubscriberName(name: string): void {
  if (name.length >= 1 && name.length <= 200 && name.isWellFormed() && !/\p{Cc}/u.test(name)) return;
  throw new BusError(
    'SUBSCRIBER_NAME_INVALID',
    `a subscriber's name has 1 to 200 characters, none of them a control character; this one has ${name.length}`,
  );
}

/** Throws SUBSCRIBER_NOT_FOUND where no stream, reset or commit has created that subscriber, or where it is being deleted. */
export async function requireSubscriber(coordination: Coordination, subscriber: string): Promise<void> {
  const found = await readAssignment(coordination, subscriber);
  if (!found || found.record.deleting) throw noSubscriber(subscriber, '; a stream with that name creates it');
}

/** SUBSCRIBER_NOT_FOUND. @param hint further advice, appended to the message */
export function noSubscriber(subscriber: string, hint = ''): BusError {
  return new BusError('SUBSCRIBER_NOT_FOUND', `there is no subscriber ${subscriber}${hint}`, {
    metadata: { subscriber },
  });
}
