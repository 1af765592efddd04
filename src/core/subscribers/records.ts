import { BusError } from '../errors.js';
import { readJson, subscriberPath, writeRecord } from '../offsets/records.js';
import { type Coordination, CoordinationError, type Path } from '../ports/coordination.js';

export const subscribersPath: Path = ['subscribers'];
export const assignmentPath = (subscriber: string): Path => [...subscriberPath(subscriber), 'assignment'];
export const offsetsPath = (subscriber: string, ...below: string[]): Path => [
  ...subscriberPath(subscriber),
  'offsets',
  ...below,
];
/** `{format, floor}`: no smaller than any generation of a subscriber that was ever deleted, so that none comes again in a later life. */
export const generationsPath: Path = ['generations'];

/** Who owns what of a subscriber, and what is decided about it. One compare-and-set of it is what makes a change of the subscriber happen. */
export interface AssignmentRecord {
  /** The next generation: it never restarts. */
  readonly next: number;
  /** Another one after each reset: streams that joined before it are fenced. */
  readonly epoch: string;
  readonly members: Readonly<Record<string, Member>>;
  /** A reset that has happened, but is not in all the offset records yet. */
  readonly pending: PendingReset | undefined;
  /** The subscriber is gone; what is left of it is being removed. */
  readonly deleting: boolean;
}

export interface Member {
  readonly generation: number | undefined;
  readonly topics: Readonly<Record<string, readonly number[]>>;
}

export interface PendingReset {
  /** What the offset records get: above all that came before. */
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly positions: Readonly<
    Record<
      string,
      { readonly incarnation: string; readonly next: readonly (readonly [partition: number, next: number])[] }
    >
  >;
}

/** A record with its version, and with the members that this file does not know of. */
export interface Found {
  readonly version: number;
  readonly record: AssignmentRecord;
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Undefined where there is none. Throws INTERNAL where it is not what this version of the bus writes. */
export async function readAssignment(coordination: Coordination, subscriber: string): Promise<Found | undefined> {
  const entry = await coordination.get(assignmentPath(subscriber));
  if (entry === undefined) return undefined;
  const raw = readJson(entry.value);
  const { next, epoch = '', members = {}, pending, deleting } = raw ?? {};
  if (
    raw &&
    isNumber(next) &&
    typeof epoch === 'string' &&
    isMembers(members) &&
    (pending === undefined || isPending(pending))
  ) {
    return { version: entry.version, raw, record: { next, epoch, members, pending, deleting: deleting === true } };
  }
  throw new BusError('INTERNAL', `the assignment of subscriber ${subscriber} in coordination is damaged`);
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isMembers(value: unknown): value is AssignmentRecord['members'] {
  return (
    isObject(value) &&
    Object.values(value).every(
      (member) =>
        isObject(member) &&
        (member.generation === undefined || isNumber(member.generation)) &&
        isObject(member.topics) &&
        Object.values(member.topics).every((partitions) => Array.isArray(partitions) && partitions.every(isNumber)),
    )
  );
}

function isPending(value: unknown): value is PendingReset {
  return (
    isObject(value) &&
    isNumber(value.generation) &&
    isNumber(value.at) &&
    isObject(value.positions) &&
    Object.values(value.positions).every(
      (topic) => isObject(topic) && typeof topic.incarnation === 'string' && Array.isArray(topic.next),
    )
  );
}

/** Writes the record if it is still the one that was found. False: it is not, so read it again. */
export async function writeAssignment(
  coordination: Coordination,
  subscriber: string,
  found: Found | undefined,
  record: AssignmentRecord,
): Promise<boolean> {
  const value = writeRecord({ ...found?.raw, format: 1, ...record, deleting: record.deleting || undefined });
  try {
    if (found === undefined) await coordination.create(assignmentPath(subscriber), value);
    else await coordination.set(assignmentPath(subscriber), value, found.version);
    return true;
  } catch (error) {
    if (isKind(error, 'exists', 'conflict', 'missing')) return false;
    throw error;
  }
}

export function isKind(error: unknown, ...kinds: readonly CoordinationError['kind'][]): boolean {
  return error instanceof CoordinationError && kinds.includes(error.kind);
}

/** For what may have happened already. */
export function allow(...kinds: readonly CoordinationError['kind'][]): (error: unknown) => void {
  return (error) => {
    if (!isKind(error, ...kinds)) throw error;
  };
}
