import { confirmed } from '../confirmed.js';
import { BusError } from '../errors.js';
import { firstAssignment } from '../offsets/first-assignment.js';
import {
  type AssignmentRecord,
  assignmentPath,
  readAssignment,
  streamsPath,
  type Versioned,
  writeAssignment,
} from '../offsets/records.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import { isKind } from './records.js';
import { busy } from './settle.js';

const rounds = 20;

interface DecisionPorts {
  readonly coordination: Coordination;
  readonly clock: Clock;
}

/** What an operator decides: `generation` is of the decision's own, and above all before. */
type Decide = (generation: number) => Pick<AssignmentRecord, 'pending' | 'deleting'>;

/**
 * Decides something about a whole subscriber, by one compare-and-set of its assignment record: its streams lose all that they own, and the
 * new epoch tells them so. A subscriber that is not there yet is created. Returns how many streams were connected. Throws SUBSCRIBER_ACTIVE
 * unless `force` is set, and SUBSCRIBER_BUSY.
 *
 * The streams are counted after the record is read: one that joins later changes the record itself, and so either comes before the decision, which then
 * is taken anew, or after it.
 */
export async function decideFor(
  ports: DecisionPorts,
  subscriber: string,
  force: boolean,
  decide: Decide,
): Promise<number> {
  const { coordination } = ports;
  for (let round = 0; round < rounds; round++) {
    const found = (await readAssignment(coordination, subscriber)) ?? (await firstAssignment(ports, subscriber));
    const count = async () => (await coordination.children(streamsPath(subscriber))).length;
    const streams = await confirmed(coordination, count, (connected) => connected > 0 && !force);
    if (streams > 0 && !force) throw active(subscriber, streams);
    if (found.record.pending || found.record.deleting) throw busy(subscriber);
    if (await decideOn(ports, subscriber, found, decide)) return streams;
  }
  throw busy(subscriber);
}

/** The same on a record that was read before, and only if that has not changed since; false if it has. */
export async function decideOn(
  { coordination, clock }: DecisionPorts,
  subscriber: string,
  { record, version }: Versioned<AssignmentRecord>,
  decide: Decide,
): Promise<boolean> {
  const { next } = record;
  const decided: AssignmentRecord = { next: next + 1, epoch: clock.uuid(), members: new Map(), ...decide(next) };
  try {
    await coordination.set(assignmentPath(subscriber), writeAssignment(decided), version);
    return true;
  } catch (error) {
    if (isKind(error, 'conflict', 'missing')) return false;
    throw error;
  }
}

function active(subscriber: string, streams: number): BusError {
  const are = streams === 1 ? 'stream is' : 'streams are';
  return new BusError(
    'SUBSCRIBER_ACTIVE',
    `${streams} ${are} connected as ${subscriber}: stop them first, or use force, which ends them and refuses their commits`,
    { metadata: { subscriber, streams: String(streams) } },
  );
}
