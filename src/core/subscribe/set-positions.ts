import { encodeCursor } from '../cursor.js';
import { BusError } from '../errors.js';
import { keyOf } from '../offsets/hand-over.js';
import type { StreamOf } from '../offsets/keep-alive.js';
import { readPositionedStream, takesNone, writeSetPositions } from '../offsets/set-positions.js';
import type { Coordination } from '../ports/coordination.js';
import { type CheckedPosition, type CommitPorts, checkPositions } from './commit.js';
import type { StreamPosition } from './frames.js';
import type { StartLog } from './shared-bounds.js';
import type { RunningStream } from './stream.js';

export interface SetPositionsPorts extends Pick<CommitPorts, 'find'> {
  readonly coordination: Coordination;
  readonly log: StartLog;
}

/**
 * Sets read positions of a stream: at once where this instance serves it, otherwise through the stream's record in coordination.
 *
 * @param stream the stream, where this instance serves it
 */
export async function setPositions(
  ports: SetPositionsPorts,
  of: StreamOf,
  positions: readonly StreamPosition[],
  stream: RunningStream | undefined,
): Promise<void> {
  if (positions.length === 0) throw new BusError('INVALID_REQUEST', 'positions is empty: there is nothing to set');
  const { coordination } = ports;
  const onExpired = stream ? stream.takesPositions : (await readPositionedStream(coordination, of)).takesPositions;
  if (onExpired === undefined) throw takesNone(of.streamId);
  const checked = await checkPositions(ports, positions);
  checkOnce(checked);
  await checkBounds(ports.log, checked, onExpired);
  if (stream) stream.setPositions?.(of, checked);
  else await writeSetPositions(coordination, of, checked);
}

function checkOnce(positions: readonly CheckedPosition[]): void {
  const seen = new Set<string>();
  for (const { topic, partition } of positions) {
    const key = keyOf(topic, partition);
    if (seen.has(key)) {
      throw new BusError('INVALID_REQUEST', `positions names partition ${partition} of ${topic.name} twice`);
    }
    seen.add(key);
  }
}

/** Throws CURSOR_AHEAD, and CURSOR_EXPIRED unless the stream goes on after what retention has removed. */
async function checkBounds(
  log: StartLog,
  positions: readonly CheckedPosition[],
  onExpired: 'fail' | 'skip',
): Promise<void> {
  const bounded = await Promise.all(
    positions.map(async (each) => ({ ...each, ...(await log.bounds(each.topic.name, each.partition)) })),
  );
  const ahead = bounded.find(({ next, highWatermark }) => next > highWatermark);
  if (ahead) {
    throw new BusError(
      'CURSOR_AHEAD',
      `the position ${ahead.next} in partition ${ahead.partition} of ${ahead.topic.name} lies beyond the end (${ahead.highWatermark}): has the log lost records, or is the store that of another cluster?`,
      { metadata: { topic: ahead.topic.name, partition: String(ahead.partition) } },
    );
  }
  const expired = bounded.filter(({ next, earliest }) => next < earliest);
  const [first] = expired;
  if (!first || onExpired === 'skip') return;
  throw new BusError(
    'CURSOR_EXPIRED',
    `retention has removed what the position asks for: in partition ${first.partition} of ${first.topic.name} it is ${first.next}, the first offset left is ${first.earliest}; set that, or ask for on_expired=SKIP`,
    {
      expired: {
        partitions: expired.map(({ topic, partition, next, earliest }) => ({
          topic: topic.name,
          partition,
          asked: next,
          first: earliest,
        })),
        cursor: encodeCursor(
          expired.map(({ topic, partition, earliest }) => ({
            topic: topic.name,
            incarnation: topic.incarnation,
            positions: [[partition, earliest]],
          })),
        ),
      },
      metadata: { topic: first.topic.name },
    },
  );
}
