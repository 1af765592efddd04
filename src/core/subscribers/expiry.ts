import { offsetPath, readJson, subscriberPath, writeRecord } from '../offsets/records.js';
import type { Clock } from '../ports/clock.js';
import type { Coordination, Path, Session } from '../ports/coordination.js';
import { decideOn } from './decide.js';
import { isKind, subscribersPath } from './records.js';
import type { RemovalPorts } from './removal.js';
import { settleSubscriber } from './settle.js';
import { readPositions, readState, type StoredPosition, type SubscriberState } from './state.js';

/** What the policy has to say, for people. */
export interface ExpiryNotice {
  readonly event: 'due' | 'expired';
  readonly subscriber: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export interface ExpiryOptions {
  /** How long a subscriber may be without streams and commits, in milliseconds. */
  readonly afterMs: number;
  readonly announce: (notice: ExpiryNotice) => void;
}

/** The sweep of one instance at a time: others find its lock, and leave it to that one. */
const lockPath: Path = ['locks', 'subscriber-expiry'];

/** How long before its end a subscriber is announced: a tenth of its time, at most a day. */
const warningMs = (afterMs: number) => Math.min(afterMs / 10, 24 * 60 * 60_000);

export interface Expiry {
  /** When a subscriber is forgotten if nothing happens. Milliseconds since 1970. */
  expires(state: SubscriberState, positions: readonly StoredPosition[]): Promise<number>;
  /**
   * Looks at all subscribers, and forgets those whose time is over. False: another instance does it. Idle is measured from the moment at which a sweep
   * first saw a subscriber without streams, which is written down: a stream that was connected for months and has just gone has all its time.
   */
  sweep(signal: AbortSignal): Promise<boolean>;
}

export function createExpiry(ports: RemovalPorts & { readonly clock: Clock }, options: ExpiryOptions): Expiry {
  const { coordination, clock } = ports;
  const { afterMs, announce } = options;
  /** Those that were announced, by the end that was told. */
  const told = new Map<string, number>();
  /** Tells this instance's lock from others', also where the answer to its creation or deletion was lost. */
  const token = clock.uuid();

  async function look(name: string): Promise<void> {
    const state = await readState(coordination, name);
    if (!state) {
      told.delete(name);
      return settleSubscriber(ports, name);
    }
    const own = await readOwn(coordination, name);
    if (state.streams.length > 0) {
      if (own.idleSince !== undefined) await writeIdleSince(coordination, name, undefined);
      return;
    }
    const positions = await readPositions(coordination, name, state.topics);
    const now = clock.wallTime();
    if (own.idleSince === undefined) {
      await writeIdleSince(coordination, name, now);
      return;
    }
    const expires = endOf(own.idleSince, positions);
    if (expires <= now) {
      if (await forget(state, positions)) announce({ event: 'expired', subscriber: name, expires });
      told.delete(name);
    } else if (expires - now <= warningMs(afterMs) && told.get(name) !== expires) {
      told.set(name, expires);
      announce({ event: 'due', subscriber: name, expires });
    }
  }

  function endOf(idleSince: number, positions: readonly StoredPosition[]): number {
    return (
      positions.reduce(
        (last, { record }) => Math.max(last, record.committedAt ?? 0, record.claimedAt ?? 0),
        idleSince,
      ) + afterMs
    );
  }

  /**
   * Only if nothing has happened since the state was read: first every position is fenced by compare-and-set, which a commit in between makes
   * fail; then the assignment record is changed, which a stream that has joined in between makes fail. What is fenced and stays has lost nothing.
   */
  async function forget(state: SubscriberState, positions: readonly StoredPosition[]): Promise<boolean> {
    const { name, assignment } = state;
    if (!assignment || assignment.record.pending) {
      await settleSubscriber(ports, name);
      return false;
    }
    const generation = assignment.record.next;
    const outcomes = await coordination.setMany(
      positions.map(({ topic, partition, version, record }) => ({
        path: offsetPath(name, topic, partition),
        value: writeRecord({ ...record, generation, owner: undefined, earlier: [] }),
        version,
      })),
    );
    if (outcomes.some((outcome) => 'error' in outcome)) return false;
    if (!(await decideOn(ports, name, assignment, () => ({ deleting: true })))) return false;
    await settleSubscriber(ports, name);
    return true;
  }

  return {
    async expires(state, positions) {
      const { idleSince } = await readOwn(coordination, state.name);
      const now = clock.wallTime();
      return state.streams.length > 0 ? now + afterMs : endOf(idleSince ?? now, positions);
    },

    async sweep(signal) {
      const session = await coordination.session();
      if (!(await lock(session))) return false;
      const failures: unknown[] = [];
      for (const name of await coordination.children(subscribersPath)) {
        if (signal.aborted || !session.isLive()) break;
        // One that cannot be read holds up no other.
        await look(name).catch((error: unknown) => failures.push(error));
      }
      // Where that fails the next sweep finds its own lock.
      if (session.isLive()) await coordination.delete(lockPath).catch(() => undefined);
      if (failures.length > 0) throw failures[0];
      return true;
    },
  };

  async function lock(session: Session): Promise<boolean> {
    try {
      await session.createEphemeral(lockPath, writeRecord({ token }));
      return true;
    } catch (error) {
      if (!isKind(error, 'exists')) throw error;
      const entry = await coordination.get(lockPath);
      return entry !== undefined && readJson(entry.value)?.token === token;
    }
  }
}

async function readOwn(coordination: Coordination, name: string) {
  const entry = await coordination.get(subscriberPath(name));
  const raw = (entry && readJson(entry.value)) ?? {};
  const { idleSince } = raw;
  return { raw, version: entry?.version, idleSince: typeof idleSince === 'number' ? idleSince : undefined };
}

/** One that was changed, or is gone, in between is looked at again in the next sweep. */
async function writeIdleSince(coordination: Coordination, name: string, idleSince: number | undefined): Promise<void> {
  const { raw, version } = await readOwn(coordination, name);
  if (version === undefined) return;
  await coordination
    .set(subscriberPath(name), writeRecord({ ...raw, format: 1, idleSince }), version)
    .catch((error) => {
      if (!isKind(error, 'conflict', 'missing')) throw error;
    });
}
