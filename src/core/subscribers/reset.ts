import { BusError } from '../errors.js';
import {
  checkSubscriberName,
  type NewPositions,
  noSubscriber,
  type PendingReset,
  streamsPath,
} from '../offsets/records.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination } from '../ports/coordination.js';
import type { EventLog } from '../ports/event-log.js';
import type { TopicsService } from '../topics/index.js';
import { decideFor } from './decide.js';
import { settledState, settleSubscriber } from './settle.js';
import { readPositions, type StoredPosition } from './state.js';
import type { PositionChange, ResetCommand, ResetOutcome } from './subscriber.js';
import { resolveTargets, type Target } from './targets.js';

/** What one decision may hold: all of it has to fit a record of coordination, whatever the topics are called. */
const mostPositions = 2_000;

export interface ResetPorts {
  readonly coordination: Coordination;
  readonly log: EventLog;
  readonly topics: TopicsService;
  readonly clock: Clock;
}

/**
 * Resets a subscriber. First the offsets are found out; then the reset is decided, with all of them, by one compare-and-set; then they are written. A crash
 * before the decision changes nothing; after it the reset has happened, and whoever looks next writes what is missing.
 */
export async function resetSubscriber(ports: ResetPorts, command: ResetCommand): Promise<ResetOutcome> {
  const { coordination } = ports;
  const { subscriber, force, dryRun } = command;
  checkSubscriberName(subscriber);
  const state = await settledState(ports, subscriber);
  const isNew = state === undefined;
  if (isNew && command.topic === undefined) {
    throw noSubscriber(subscriber, '; a reset of a named topic creates one');
  }
  const topics = state?.topics ?? [];
  const targets = await resolveTargets(ports, command, topics);
  const positions = await readPositions(coordination, subscriber, topics);
  const changes = changesOf(targets, positions);
  if (dryRun) {
    return { changes, fencedStreams: (await coordination.children(streamsPath(subscriber))).length };
  }
  const moved = positionsIn(targets);
  const at = ports.clock.wallTime();
  const fencedStreams = await decideFor(ports, subscriber, force, (generation) => ({
    pending: { generation, at, positions: moved },
  }));
  await settleSubscriber(ports, subscriber);
  return { changes, fencedStreams };
}

function changesOf(targets: readonly Target[], positions: readonly StoredPosition[]): PositionChange[] {
  const before = new Map(positions.map((position) => [`${position.topic}/${position.partition}`, position.record]));
  return targets.map(({ topic, partition, to }) => {
    const record = before.get(`${topic.name}/${partition}`);
    const from = record?.incarnation === topic.incarnation ? record.next : undefined;
    return { topic: topic.name, partition, from, to };
  });
}

function positionsIn(targets: readonly Target[]): PendingReset['positions'] {
  if (targets.length > mostPositions) {
    throw new BusError(
      'INVALID_REQUEST',
      `${targets.length} positions are too many for one reset, which moves at most ${mostPositions}: reset topic by topic`,
    );
  }
  const positions = new Map<string, NewPositions & { readonly offsets: Map<number, number> }>();
  for (const { topic, partition, to } of targets) {
    const { incarnation } = topic;
    const of = positions.get(topic.name) ?? { incarnation, offsets: new Map<number, number>() };
    of.offsets.set(partition, to);
    positions.set(topic.name, of);
  }
  return positions;
}
