import type { Clock } from '../ports/clock.js';
import { type Coordination, CoordinationError, type Path } from '../ports/coordination.js';
import {
  type AssignmentRecord,
  assignmentPath,
  generationsPath,
  offsetsPath,
  readAssignment,
  readJson,
  readOffset,
  subscriberPath,
  topicOffsetsPath,
  type Versioned,
  writeAssignment,
  writeRecord,
} from './records.js';

interface Ports {
  readonly coordination: Coordination;
  readonly clock: Clock;
}

/**
 * Creates a subscriber's records, or reads them where somebody was faster. Its generations begin above all that stand in offset records, and
 * above those of subscribers that were deleted: a commit of another life of the subscriber must never count. Throws CoordinationErrors.
 */
export async function firstAssignment(
  { coordination, clock }: Ports,
  subscriber: string,
): Promise<Versioned<AssignmentRecord>> {
  await createOnce(coordination, subscriberPath(subscriber), writeRecord({ format: 1, since: clock.wallTime() }));
  const [inOffsets, inOthers] = await Promise.all([
    largestGeneration(coordination, subscriber),
    floorOfGenerations(coordination),
  ]);
  const next = 1 + Math.max(inOffsets, inOthers);
  const record: AssignmentRecord = { next, epoch: clock.uuid(), members: new Map() };
  await createOnce(coordination, assignmentPath(subscriber), writeAssignment(record));
  const found = await readAssignment(coordination, subscriber);
  if (!found) throw new CoordinationError('conflict', `the assignment of ${subscriber} was removed again at once`);
  return found;
}

async function largestGeneration(coordination: Coordination, subscriber: string): Promise<number> {
  const topics = await coordination.children(offsetsPath(subscriber));
  const byTopic = await Promise.all(
    topics.map(async (topic) => {
      const partitions = await coordination.children(topicOffsetsPath(subscriber, topic));
      return Promise.all(partitions.map((each) => readOffset(coordination, subscriber, topic, Number(each))));
    }),
  );
  return byTopic.flat().reduce((largest, entry) => Math.max(largest, entry?.record.generation ?? 0), 0);
}

async function floorOfGenerations(coordination: Coordination): Promise<number> {
  const entry = await coordination.get(generationsPath);
  return Number((entry && readJson(entry.value)?.floor) ?? 0);
}

async function createOnce(coordination: Coordination, path: Path, value: Uint8Array): Promise<void> {
  try {
    await coordination.create(path, value);
  } catch (error) {
    if (!(error instanceof CoordinationError && error.kind === 'exists')) throw error;
  }
}
