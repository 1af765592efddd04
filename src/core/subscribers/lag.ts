import type { Bounds } from '../ports/event-log.js';
import type { LogView } from './log-view.js';
import type { StoredPosition } from './state.js';
import type { SubscriberPosition } from './subscriber.js';

/** After so long without a commit an owner that has something to read counts as stuck. */
const stuckAfterMs = 60_000;

interface Place {
  readonly position: StoredPosition;
  /** Of an earlier topic, or of none. */
  readonly stale: boolean;
}

/** Which positions belong to the topics as they are now. A topic that cannot be looked up is not called stale. */
export async function placesOf(view: LogView, positions: readonly StoredPosition[]): Promise<Place[]> {
  const names = [...new Set(positions.map(({ topic }) => topic))];
  const topics = new Map(await Promise.all(names.map(async (name) => [name, await view.topic(name)] as const)));
  return positions.map((position) => {
    const topic = topics.get(position.topic);
    const stale = topic === null || (topic !== undefined && topic.incarnation !== position.record.incarnation);
    return { position, stale };
  });
}

/** The ends of the partitions, by `topic/partition`; each is asked for once. */
export async function boundsOf(view: LogView, places: readonly Place[]): Promise<ReadonlyMap<string, Bounds>> {
  const wanted = new Map(places.filter(({ stale }) => !stale).map(({ position }) => [keyOf(position), position]));
  const answers = await view.askEach(wanted.values(), ({ topic, partition }) => view.bounds(topic, partition));
  return new Map([...answers].map(([position, bounds]) => [keyOf(position), bounds]));
}

/** How many offsets that still exist lie between the positions and the ends that are known; undefined where none is. */
export function totalLag(places: readonly Place[], bounds: ReadonlyMap<string, Bounds>): number | undefined {
  let total: number | undefined;
  for (const { position, stale } of places) {
    const known = stale ? undefined : bounds.get(keyOf(position));
    if (known) total = (total ?? 0) + lagOf(position, known);
  }
  return total;
}

/**
 * Positions with all that can be told of them.
 *
 * @param isConnected whether a stream is there still
 */
export async function describePositions(
  view: LogView,
  places: readonly Place[],
  isConnected: (streamId: string) => boolean,
  now: number,
): Promise<SubscriberPosition[]> {
  const bounds = await boundsOf(view, places);
  const lagging = places.filter(({ position, stale }) => {
    const known = stale ? undefined : bounds.get(keyOf(position));
    return known !== undefined && lagOf(position, known) > 0 && known.earliest < known.highWatermark;
  });
  const times = await view.askEach(lagging, ({ position: { topic, partition, record } }, signal) =>
    view.timeOf(topic, partition, Math.max(record.next, bounds.get(`${topic}/${partition}`)?.earliest ?? 0), signal),
  );
  return places.map((place) => {
    const { position, stale } = place;
    const { topic, partition, record } = position;
    const known = stale ? undefined : bounds.get(keyOf(position));
    const lag = known && lagOf(position, known);
    const time = times.get(place);
    const lagMs = time === undefined ? undefined : Math.max(0, now - time);
    const streamId = record.owner !== undefined && isConnected(record.owner) ? record.owner : '';
    const waits = (since: number | undefined) => since === undefined || now - since > stuckAfterMs;
    return {
      topic,
      partition,
      next: record.next,
      earliest: known?.earliest,
      highWatermark: known?.highWatermark,
      lag,
      lagMs,
      streamId,
      generation: record.generation,
      lastCommit: record.committedAt,
      // A record that has only just come is not late, however long ago the one before it was committed.
      stuck: Boolean(lag) && streamId !== '' && waits(record.committedAt) && waits(time),
      stale,
    };
  });
}

/** Records that retention has removed are no work that is left: a stream will announce them as a gap and go on behind them. */
function lagOf({ record }: StoredPosition, { earliest, highWatermark }: Bounds): number {
  return Math.max(0, highWatermark - Math.max(record.next, earliest));
}

function keyOf({ topic, partition }: StoredPosition): string {
  return `${topic}/${partition}`;
}
