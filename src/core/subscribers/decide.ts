import { BusError } from '../errors.js';
import { streamsPath, subscriberPath, writeRecord } from '../offsets/records.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import { type AssignmentRecord, allow, type Found, readAssignment, writeAssignment } from './records.js';
import { firstGeneration } from './removal.js';
import { busy } from './settle.js';

const rounds = 20;

interface DecisionPorts {
  readonly coordination: Coordination;
  readonly clock: Clock;
}

export interface Decision {
  readonly subscriber: string;
  /** Also while streams are connected. */
  readonly force: boolean;
  /** Above every generation that positions have, where there is no assignment record yet. */
  readonly largest: number;
  /** The record as it is to be, from one without members, in a new epoch. @param generation of the decision's own: above all before. */
  decide(record: AssignmentRecord, generation: number): AssignmentRecord;
}

/**
 * Decides something about a whole subscriber, by one compare-and-set of its assignment record: its streams lose all that they own, and the
 * new epoch tells them so. Returns how many streams were connected. Throws SUBSCRIBER_ACTIVE, SUBSCRIBER_BUSY.
 *
 * The streams are counted after the record is read: one that joins later changes the record itself, and either comes before the decision, which then
 * is taken anew, or after it.
 */
export async function decideFor({ coordination, clock }: DecisionPorts, decision: Decision): Promise<number> {
  const { subscriber, force, largest } = decision;
  for (let round = 0; round < rounds; round++) {
    const found = await readAssignment(coordination, subscriber);
    const streams = (await coordination.children(streamsPath(subscriber))).length;
    if (streams > 0 && !force) throw active(subscriber, streams);
    const before: AssignmentRecord = found?.record ?? {
      next: await firstGeneration(coordination, largest),
      epoch: '',
      members: {},
      pending: undefined,
      deleting: false,
    };
    if (before.pending || before.deleting) throw busy(subscriber);
    const after = { ...before, next: before.next + 1, epoch: clock.uuid(), members: {} };
    if (!found) await ensureSubscriber(coordination, subscriber);
    if (await writeAssignment(coordination, subscriber, found, decision.decide(after, before.next))) return streams;
  }
  throw busy(subscriber);
}

async function ensureSubscriber(coordination: Coordination, subscriber: string): Promise<void> {
  await coordination.create(subscriberPath(subscriber), writeRecord({ format: 1 })).catch(allow('exists'));
}

function active(subscriber: string, streams: number): BusError {
  const are = streams === 1 ? 'stream is' : 'streams are';
  return new BusError(
    'SUBSCRIBER_ACTIVE',
    `${streams} ${are} connected as ${subscriber}: stop them first, or use force, which ends them and refuses their commits`,
    { metadata: { subscriber, streams: String(streams) } },
  );
}

export function noSubscriber(subscriber: string, hint = ''): BusError {
  return new BusError('SUBSCRIBER_NOT_FOUND', `there is no subscriber ${subscriber}${hint}`, {
    metadata: { subscriber },
  });
}

/** For expiry: as `decideFor`, but for a record that was read before, and only if it has not changed since. */
export function decideOn(
  { coordination, clock }: DecisionPorts,
  subscriber: string,
  found: Found,
  decide: (record: AssignmentRecord) => AssignmentRecord,
): Promise<boolean> {
  const { record } = found;
  const after = { ...record, next: record.next + 1, epoch: clock.uuid(), members: {} };
  return writeAssignment(coordination, subscriber, found, decide(after));
}
