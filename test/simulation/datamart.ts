import { BusError } from '../../src/core/errors.js';
import type { Timer } from '../../src/core/ports/clock.js';
import type { SubscribeCommand } from '../../src/core/subscribe/frames.js';
import type { Random } from '../support/random.js';
import type { Bus } from './bus.js';
import { type Connecting, type Connection, connect } from './connection.js';
import type { Host } from './host.js';
import { commitsItself, type Habits } from './plan.js';
import { cutCursor, type Position, positionsOf } from './positions.js';

/** When a datamart commits after the last frame, if it has not. */
const idleMs = 500;
/** After how long a datamart that leaves is gone, whether or not its commits were answered. */
const leaveMs = 5_000;

/** A consumer process: subscribes, processes, commits, and comes back when its stream ends. */
export interface Datamart {
  readonly host: Host;
  readonly subscriber: string;
  /** Takes no more frames, commits what it has processed, hangs up, and is gone. */
  leave(): void;
  /** Whether it takes part, and means to go on. */
  readonly stays: boolean;
}

export interface DatamartPorts extends Connecting {
  readonly random: Random;
  /** Instances, of which some may not answer. */
  buses(): readonly Bus[];
  nextCommit(): number;
}

interface Commit {
  /** How many assignments the stream has been told of: a later one may cover fewer partitions, also with the same generation. */
  readonly assignment: number;
  readonly generation: number;
  readonly streamId: string;
  cursor: string;
}

export function startDatamart(
  sim: DatamartPorts,
  host: Host,
  command: SubscribeCommand & { readonly subscriber: string },
  habits: Habits,
): Datamart {
  const { random, history, network } = sim;
  const { clock } = host;
  const { subscriber } = command;
  let connection: Connection | undefined;
  let leaving = false;
  let onLeave: () => void = () => undefined;
  const leave = new Promise<undefined>((resolve) => {
    onLeave = () => resolve(undefined);
  });
  /** Processed and not committed: in order, the latest of each assignment. */
  let queue: Commit[] = [];
  let committing: Promise<void> | undefined;

  const anyBus = (): Bus | undefined => {
    const buses = sim.buses();
    return buses[random.between(0, buses.length - 1)];
  };

  /** Commits go one after the other, and are sent again until they are answered, or the stream is over. */
  async function commitAll(of: Bus, commits: Commit[]): Promise<void> {
    for (let next = commits[0]; next; next = commits[0]) {
      const bus = random.next() < habits.elsewhere ? (anyBus() ?? of) : of;
      const { cursor, generation, streamId } = next;
      if (await answered(bus, cursor, generation, streamId)) {
        if (commits[0]?.cursor === cursor) commits.shift();
      } else {
        if (queue !== commits) return;
        await clock.sleep(200);
      }
    }
  }

  async function answered(bus: Bus, cursor: string, generation: number, streamId: string): Promise<boolean> {
    const commit = sim.nextCommit();
    const positions = positionsOf(cursor);
    history.add({
      kind: 'commit',
      commit,
      subscriber,
      client: host.name,
      streamId,
      bus: bus.host.name,
      generation,
      positions,
    });
    try {
      await network.call(host, bus.host, async () => {
        if (!bus.core) throw new BusError('COORDINATION_UNAVAILABLE', 'the instance is not ready yet');
        try {
          const command = { subscriber, cursor, generation };
          const committed = await bus.core.subscriptions.commit(command, new AbortController().signal);
          history.add({
            kind: 'committed',
            commit,
            positions: committed.map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset })),
          });
        } catch (error) {
          const { reason, metadata } = BusError.from(error);
          const partition = metadata['partition'] === undefined ? undefined : Number(metadata['partition']);
          history.add({ kind: 'refused', commit, reason, topic: metadata['topic'], partition });
          throw error;
        }
      });
      return true;
    } catch (error) {
      return error instanceof BusError && !error.retryable;
    }
  }

  function commit(bus: Bus, { cursor, assignment, generation, streamId }: Commit): void {
    const last = queue.at(-1);
    // The first one may be on its way.
    if (last && queue.length > 1 && last.assignment === assignment) last.cursor = cursor;
    else queue.push({ cursor, assignment, generation, streamId });
    committing ??= commitAll(bus, queue).finally(() => {
      committing = undefined;
    });
  }

  async function stream(bus: Bus): Promise<void> {
    const mine = connect(sim, host, bus, command);
    connection = mine;
    queue = [];
    committing = undefined;
    let generation: number | undefined;
    let streamId = '';
    let assignment = 0;
    /** Processed and not handed in yet. */
    let pending: string | undefined;
    let idle: Timer | undefined;
    const handIn = () => {
      idle?.close();
      // What the stream before has not handed in is not for this one to commit.
      if (connection === mine && pending !== undefined && generation !== undefined && !commitsItself(command)) {
        commit(bus, { cursor: pending, assignment, generation, streamId });
      }
      pending = undefined;
    };
    while (!leaving) {
      const frame = await Promise.race([mine.next(), leave]);
      if (!frame || leaving) break;
      if (frame.kind === 'ready') streamId = frame.streamId;
      if (frame.kind === 'ready' || frame.kind === 'assignment') {
        handIn();
        assignment++;
        ({ generation } = frame.assignment);
      } else if (frame.kind === 'events') {
        const half = frame.deliveries.length > 1 && random.next() < habits.commitsHalf;
        const middle = half ? random.between(1, frame.deliveries.length - 1) : -1;
        await clock.sleep(random.next() < habits.slow ? 2_000 : random.next() * habits.thinkMs);
        const back = new Map<number, Position>();
        for (const { partition, record } of [...frame.deliveries].reverse()) {
          back.set(partition, { topic: frame.topic, partition, offset: record.offset });
        }
        for (const [index, { partition, record }] of frame.deliveries.entries()) {
          if (index === middle && generation !== undefined && !commitsItself(command)) {
            commit(bus, { cursor: cutCursor(frame.cursor, [...back.values()]), assignment, generation, streamId });
          }
          const position = { topic: frame.topic, partition, offset: record.offset };
          history.add({ kind: 'processed', client: host.name, subscriber, record: position });
          back.set(partition, { ...position, offset: record.offset + 1 });
        }
        pending = frame.cursor;
        idle?.close();
        if (leaving || random.next() < habits.commits) handIn();
        else idle = clock.setTimeout(handIn, idleMs);
      } else if (frame.kind === 'end') {
        handIn();
        return;
      } else if (frame.kind === 'gap') pending = frame.cursor;
    }
    handIn();
    while (committing !== undefined) await committing;
    mine.close();
  }

  async function live(): Promise<void> {
    while (!leaving) {
      const bus = anyBus();
      try {
        if (bus) await stream(bus);
      } catch {
        // The stream is over, by whatever.
      }
      connection?.close();
      if (!leaving) await clock.sleep(100 + random.next() * 900);
    }
    host.kill();
  }

  void live();
  return {
    host,
    subscriber,
    leave() {
      leaving = true;
      onLeave();
      clock.setTimeout(() => host.kill(), leaveMs);
    },
    get stays() {
      return host.alive && !leaving;
    },
  };
}
