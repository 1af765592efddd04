import { setMaxListeners } from 'node:events';
import { BusError } from '../errors.js';
import { createOwnEphemeral, removeIfThere } from '../own-ephemeral.js';
import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError, type Session } from '../ports/coordination.js';
import { createWakeup } from '../subscribe/wakeup.js';
import type { ActiveTopic, Topics } from '../topics/topic.js';
import { removeEmptySubscriber } from './empty-subscriber.js';
import { firstAssignment } from './first-assignment.js';
import { firstPositionsInTurn } from './first-positions.js';
import { keyOf, type PartitionOf, type Target } from './hand-over.js';
import { createMember, type Member, type MemberRequest, type Membership } from './member.js';
import { rebalance, regenerate, type Situation, without } from './rebalance.js';
import {
  type AssignmentRecord,
  assignmentPath,
  type MemberShare,
  readAssignment,
  readStreamRecord,
  type StreamRecord,
  streamPath,
  streamsPath,
  writeAssignment,
  writeRecord,
} from './records.js';
import { topicsOf } from './topics-of.js';

export interface GroupPorts {
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly topics: Topics;
  /** A name of this instance, for people. */
  readonly instance: string;
  /** Carries out what an operator has decided about a subscriber: a reset, a deletion. */
  settle(subscriber: string): Promise<void>;
}

/** All streams of one subscriber in this process. */
export interface Group {
  join(request: MemberRequest): Membership;
  /** Resolves when the last stream has left, or the group is closed: nobody can join any more. */
  readonly ended: Promise<void>;
  readonly isOver: boolean;
  close(): void;
}

/** How many streams one subscriber may have, on all instances. */
const mostStreams = 1_000;
/** Who comes later in line than the first waits so long, per place up to the fourth, for the assignment to be written by somebody else. */
const turnMs = 250;
const lastPlace = 4;
/** The least time between two assignments: of many streams that come or go together most are in one. The first change is heeded at once. */
const settleMs = 200;
/** How often to look though nothing seems to have happened. */
const idleMs = 60_000;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/**
 * Keeps a subscriber's assignment and this process's part in it. Each stream stands as an ephemeral record, so that one whose process dies is gone by
 * itself. Whoever sees that the assignment does not fit the streams and topics any more writes a new one by compare-and-set: at once the instance of the
 * first stream by id, the others if it does not come to it. All learn of it by one watch, and their streams hand over among themselves (`hand-over.ts`).
 *
 * One watch on the streams' names and one on the assignment serve all streams of the process. After a lost session the streams of the process own nothing,
 * give up their shares, and join anew.
 */
export function createGroup(ports: GroupPorts, subscriber: string): Group {
  const { coordination, clock, topics } = ports;
  const members = new Map<string, Member>();
  const changed = createWakeup(clock);
  const writeFirstPositions = firstPositionsInTurn();
  /** The connected streams, as read last: after the assignment, so that an owner who is not among them is gone. */
  let connected: ReadonlyMap<string, StreamRecord> = new Map();
  /** Streams that found a larger generation than theirs in an offset record. */
  const superseded: { readonly streamId: string; readonly at: PartitionOf; readonly generation: number }[] = [];
  let session: Session | undefined;
  /** The assignment's version as seen last, and since when. */
  let seen = { version: -1, at: Number.NEGATIVE_INFINITY };
  /** Since when the assignment in this version has not been what it should be. */
  let unfit: { readonly version: number; readonly since: number } | undefined;
  let isClosed = false;

  const unwatch = [
    coordination.watch(streamsPath(subscriber), 'children', changed.wake),
    coordination.watch(assignmentPath(subscriber), 'value', changed.wake),
    topics.watchAll(changed.wake),
  ];

  function onLost(): void {
    for (const member of members.values()) member.forget();
    changed.wake();
  }

  /** A new session: what was owned in the one before is given up, so that it is given anew under new generations. */
  async function enter(next: Session): Promise<void> {
    const isFirst = session === undefined;
    session?.lost.removeEventListener('abort', onLost);
    onLost();
    if (!isFirst) await renounce(new Set(members.keys()));
    session = next;
    // Every group of the process listens.
    setMaxListeners(0, next.lost);
    next.lost.addEventListener('abort', onLost, { once: true });
    if (next.lost.aborted) onLost();
  }

  async function renounce(streamIds: ReadonlySet<string>): Promise<void> {
    const found = await readAssignment(coordination, subscriber);
    if (!found || [...streamIds].every((id) => !found.record.members.has(id))) return;
    const value = writeAssignment(without(found.record, streamIds));
    await coordination.set(assignmentPath(subscriber), value, found.version);
  }

  /** Writes and removes the records of this process's streams. */
  async function register(at: Session): Promise<void> {
    await Promise.all(
      [...members].map(async ([streamId, member]) => {
        const path = streamPath(subscriber, streamId);
        if (member.phase === 'over') {
          await removeIfThere(coordination, path);
          members.delete(streamId);
        } else if (member.phase === 'joining') {
          await createOwnEphemeral(coordination, at, path, writeRecord(streamRecord(member.request)));
          if (member.phase === 'joining') member.phase = 'joined';
        }
      }),
    );
  }

  function streamRecord({ subscription, readerSchemaVersion, takesPositions }: MemberRequest): StreamRecord {
    return {
      topics: 'topics' in subscription ? subscription.topics : undefined,
      pattern: 'pattern' in subscription ? subscription.pattern : undefined,
      instance: ports.instance,
      since: clock.wallTime(),
      readerSchemaVersion,
      takesPositions,
    };
  }

  async function readConnected(): Promise<void> {
    const names = await coordination.children(streamsPath(subscriber));
    const before = connected;
    const records = await Promise.all(
      names.map(async (name) => {
        const known = before.get(name);
        if (known) return [name, known] as const;
        const entry = await coordination.get(streamPath(subscriber, name));
        return entry && ([name, readStreamRecord(entry.value)] as const);
      }),
    );
    connected = new Map(records.filter((each) => each !== undefined));
    if ([...before.keys()].some((name) => !connected.has(name))) for (const member of members.values()) member.look();
    for (const [id, member] of members) {
      if (member.phase !== 'joined' || connected.has(id)) continue;
      // Somebody has removed its record: it has to stand there again.
      member.phase = 'joining';
      changed.wake();
    }
  }

  /** What the assignment should be; undefined if it is that. `own`: that it is for this process to write it. */
  function plan(
    record: AssignmentRecord,
    situation: Situation,
  ): { readonly record: AssignmentRecord; readonly own: boolean } | undefined {
    let wanted = record;
    for (const { streamId, at, generation } of superseded.splice(0)) {
      const share = record.members.get(streamId);
      const isOurs = share?.partitions.get(at.topic.name)?.includes(at.partition) === true;
      if (isOurs && share.generation <= generation) wanted = regenerate(wanted, streamId, generation);
    }
    const shares = new Map(wanted.members);
    for (const [id, { yields }] of members) {
      const share = shares.get(id);
      if (!share || share.yields === yields) continue;
      shares.set(id, { ...share, yields });
      wanted = { ...wanted, members: shares };
    }
    const balanced = rebalance(wanted, situation);
    if (!balanced && wanted === record) return undefined;
    return { record: balanced ?? wanted, own: wanted !== record };
  }

  /** How long others are to be given to write the assignment. */
  function patience(version: number): number {
    const place = [...connected.keys()].sort().findIndex((id) => members.has(id));
    if (unfit?.version !== version) unfit = { version, since: Math.max(clock.now(), seen.at + settleMs) };
    return unfit.since + turnMs * (place < 0 ? lastPlace : Math.min(place, lastPlace)) - clock.now();
  }

  function distribute(
    record: AssignmentRecord,
    known: ReadonlyMap<string, ActiveTopic>,
    situation: Situation,
    at: Session,
  ): void {
    const idle = [...record.members].filter(([, { partitions, yields }]) => partitions.size === 0 && !yields);
    for (const [id, member] of members) {
      const share = record.members.get(id);
      if (!share || member.phase !== 'joined') continue;
      member.epoch ??= record.epoch;
      const isWaitedFor = idle.some(
        ([other]) =>
          other !== id && [...share.partitions.keys()].some((topic) => situation.streams.get(other)?.has(topic)),
      );
      member.aim(targetOf(share, known), { waiting: share.partitions.size === 0, isWaitedFor }, at);
    }
  }

  /** Looks at everything once, and does what is to be done. Resolves with the milliseconds after which to look again. */
  async function tick(): Promise<number> {
    const at = await coordination.session();
    if (at !== session) await enter(at);
    await register(at);
    let found = await readAssignment(coordination, subscriber);
    for (const member of members.values()) {
      if (member.epoch !== undefined && member.epoch !== found?.record.epoch) member.reset();
    }
    if (found?.record.pending || found?.record.deleting) {
      await ports.settle(subscriber);
      found = await readAssignment(coordination, subscriber);
    }
    if (![...members.values()].some(({ phase }) => phase === 'joined')) return idleMs;
    found ??= await firstAssignment(ports, subscriber);
    await readConnected();
    if (connected.size > mostStreams) refuseSurplus();
    const { known, streams } = await topicsOf(topics, subscriber, connected);
    const situation = {
      streams,
      topics: new Map([...known].map(([name, { settings }]) => [name, settings.partitions])),
    };
    const planned = plan(found.record, situation);
    let { record } = found;
    let left = idleMs;
    if (seen.version !== found.version) {
      // What is there when this process comes is not news.
      seen = { version: found.version, at: seen.version < 0 ? seen.at : clock.now() };
    }
    if (planned) {
      left = planned.own ? 0 : patience(found.version);
      if (left <= 0) {
        await coordination.set(assignmentPath(subscriber), writeAssignment(planned.record), found.version);
        ({ record } = planned);
        left = idleMs;
      }
    }
    distribute(record, known, situation, at);
    return left;
  }

  function refuseSurplus(): void {
    const error = new BusError('OVERLOADED', `${subscriber} has ${mostStreams} streams, the most that are possible`);
    for (const member of members.values()) member.failIfNew(error);
  }

  async function run(): Promise<void> {
    let pause = firstPauseMs;
    while (members.size > 0 && !isClosed) {
      let ms: number;
      try {
        ms = await tick();
        pause = firstPauseMs;
      } catch (error) {
        const isRace = error instanceof CoordinationError && (error.kind === 'conflict' || error.kind === 'missing');
        ms = isRace ? 0 : pause * (1 + clock.random());
        if (!isRace) pause = Math.min(longestPauseMs, pause * 2);
        for (const member of members.values()) if (!isRace) onTrouble(member, error);
      }
      if (members.size > 0 && !isClosed) await changed.wait(ms);
    }
    isOver = true;
    changed.close();
    // Best effort: leftovers cost a few bytes, and the next deletion of the name finds them again.
    await removeEmptySubscriber(coordination, subscriber).catch(() => undefined);
    for (const stop of unwatch) stop();
    session?.lost.removeEventListener('abort', onLost);
    onEnded();
  }

  let isRunning = false;
  let isOver = false;
  let onEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    onEnded = resolve;
  });

  return {
    ended,
    get isOver() {
      return isOver;
    },
    join(request) {
      const { streamId } = request;
      const member = createMember(
        {
          ...ports,
          writeFirstPositions,
          isConnected: (id) => connected.has(id),
          onSuperseded: (where, generation) => {
            superseded.push({ streamId, at: where, generation });
            changed.wake();
          },
          onChange: changed.wake,
        },
        request,
      );
      members.set(streamId, member);
      changed.wake();
      if (!isRunning) {
        isRunning = true;
        void run();
      }
      return member.membership;
    },
    close() {
      isClosed = true;
      changed.wake();
    },
  };
}

/** What waiting may cure is waited out by those who have begun. */
function onTrouble(member: Member, error: unknown): void {
  member.failIfNew(error);
  const passes =
    error instanceof BusError ? error.retryable : error instanceof CoordinationError && error.kind !== 'too_large';
  if (!passes) member.fail(error);
}

function targetOf({ generation, partitions }: MemberShare, known: ReadonlyMap<string, ActiveTopic>): Target {
  const wanted = new Map<string, PartitionOf>();
  for (const [name, numbers] of partitions) {
    const topic = known.get(name);
    if (!topic) continue;
    for (const partition of numbers) {
      // One who has heard of more partitions than this process tells nothing about them yet.
      if (partition < topic.settings.partitions) wanted.set(keyOf(topic, partition), { topic, partition });
    }
  }
  return { generation, partitions: wanted };
}
