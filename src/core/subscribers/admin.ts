import { mapped } from '../coordination-errors.js';
import { removeEmptySubscriber } from '../offsets/empty-subscriber.js';
import { checkSubscriberName, noSubscriber } from '../offsets/records.js';
import type { Authorizer } from '../ports/authorizer.js';
import { forEachLimited } from '../topics/coalesce.js';
import { decideFor } from './decide.js';
import type { Expiry } from './expiry.js';
import { boundsOf, describePositions, placesOf, totalLag } from './lag.js';
import { createLogView } from './log-view.js';
import { subscribersPath } from './records.js';
import { type ResetPorts, resetSubscriber } from './reset.js';
import { settledState, settleSubscriber } from './settle.js';
import { readPositions, readState, readStreams, type StoredPosition, type SubscriberState } from './state.js';
import type { SubscriberAdmin, SubscriberInfo } from './subscriber.js';

const subscribersAtOnce = 8;
/** A list reads so many positions, or a few more; of what is left it tells no lag and no last commit. */
const positionsPerList = 20_000;

export interface AdminPorts extends ResetPorts {
  readonly authorizer: Authorizer;
  /** Undefined: subscribers stay for ever. */
  readonly expiry: Expiry | undefined;
  /** How many records a subscriber has parked. */
  readonly countParked: (subscriber: string) => Promise<number>;
}

/** The operation of subscribers. */
export function createSubscriberAdmin(ports: AdminPorts): SubscriberAdmin {
  const { coordination, log, topics, authorizer, expiry, clock } = ports;
  const view = createLogView(log, topics, clock);

  async function require(name: string): Promise<SubscriberState> {
    checkSubscriberName(name);
    const state = await settledState(ports, name);
    if (state === undefined) throw noSubscriber(name);
    return state;
  }

  async function list(): Promise<SubscriberInfo[]> {
    const found: { state: SubscriberState; positions: readonly StoredPosition[] | undefined }[] = [];
    let left = positionsPerList;
    await forEachLimited(await coordination.children(subscribersPath), subscribersAtOnce, async (name) => {
      const state = await readState(coordination, name);
      // A stream whose instance died right after a deletion could not remove its parents itself.
      if (state === undefined) return removeEmptySubscriber(coordination, name).catch(() => undefined);
      if (state.assignment?.record.pending) await settleSubscriber(ports, name);
      const positions = left > 0 ? await readPositions(coordination, name, state.topics) : undefined;
      left -= positions?.length ?? 0;
      found.push({ state, positions });
    });
    const places = await Promise.all(
      found.map(async ({ state, positions }) => ({
        state,
        positions,
        places: positions && (await placesOf(view, positions)),
      })),
    );
    const bounds = await boundsOf(
      view,
      places.flatMap((each) => each.places ?? []),
    );
    return places
      .map(({ state, positions, places: own }) => infoOf(state, positions ?? [], own && totalLag(own, bounds)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  return {
    list: () => mapped(list),

    get: (name) =>
      mapped(async () => {
        authorizer.authorize('describe', name);
        const state = await require(name);
        const stored = await readPositions(coordination, name, state.topics);
        const connected = new Set(state.streams);
        const [streams, positions, parked, expires] = await Promise.all([
          readStreams(coordination, state),
          describePositions(view, await placesOf(view, stored), (id) => connected.has(id), clock.wallTime()),
          ports.countParked(name).catch(() => undefined),
          expiry?.expires(state, stored),
        ]);
        const known = positions.flatMap(({ lag }) => (lag === undefined ? [] : [lag]));
        const lag = known.length === 0 ? undefined : known.reduce((sum, each) => sum + each, 0);
        return { subscriber: infoOf(state, stored, lag), streams, positions, parked, expires };
      }),

    reset: (command) =>
      mapped(async () => {
        authorizer.authorize('manage', command.subscriber);
        return resetSubscriber(ports, command);
      }),

    delete: (name, force) =>
      mapped(async () => {
        authorizer.authorize('manage', name);
        await require(name);
        await decideFor(ports, name, force, () => ({ deleting: true }));
        await settleSubscriber(ports, name);
      }),
  };
}

function infoOf(
  { name, streams, topics }: SubscriberState,
  positions: readonly StoredPosition[],
  lag: number | undefined,
): SubscriberInfo {
  const commits = positions.flatMap(({ record }) => (record.committedAt === undefined ? [] : [record.committedAt]));
  const lastCommit = commits.length === 0 ? undefined : commits.reduce((last, each) => Math.max(last, each));
  return { name, streams: streams.length, topics, lag, lastCommit };
}
