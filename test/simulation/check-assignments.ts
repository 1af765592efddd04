import { assignmentPath, readAssignmentRecord } from '../../src/core/offsets/records.js';
import type { StreamSeen } from './check-streams.js';
import { placeOf } from './positions.js';
import { endOf, type Remains } from './remains.js';
import type { Report } from './violation.js';

/** Streams that nobody has disturbed for a while share all partitions of their subscriber, each once, and evenly. */
export function checkAssignments(
  { world, plan, topics }: Remains,
  streams: ReadonlyMap<number, StreamSeen>,
  report: Report,
  at: number,
): void {
  for (const { name, command } of plan.subscribers) {
    const open = [...streams.values()].filter((stream) => stream.subscriber === name && !stream.over);
    const entry = world.records.get(assignmentPath(name));
    if (!entry) {
      report('uneven', at, `${name} has no assignment`);
      continue;
    }
    const shares = [...readAssignmentRecord(entry.value).members].map(([streamId, { partitions }]) => ({
      streamId,
      places: [...partitions].flatMap(([topic, numbers]) => numbers.map((partition) => placeOf({ topic, partition }))),
    }));
    const given = shares.flatMap(({ places }) => places).sort();
    const due = endOf(world, topics, command).map(placeOf).sort();
    if (given.join() !== due.join()) report('uneven', at, `${name}: ${given.join()} is given away, of ${due.join()}`);
    const members = shares.map(({ streamId }) => streamId).sort();
    const expected = open.map(({ streamId }) => streamId).sort();
    const gone = members.filter((id) => !expected.includes(id));
    const forgotten = expected.filter((id) => !members.includes(id));
    if (gone.length + forgotten.length > 0) {
      report(
        'uneven',
        at,
        `${name}: members without stream: ${gone.join()}; streams that are no members: ${forgotten.join()}`,
      );
    }
    for (const { streamId, places } of shares) {
      const stream = open.find((one) => one.streamId === streamId);
      const told = [...(stream?.next.keys() ?? [])].sort();
      // One whose client does not read is not told.
      if (stream && !stream.stuck && told.join() !== [...places].sort().join()) {
        report('uneven', at, `${name}: ${streamId} has ${places.join()}, and was told ${told.join()}`);
      }
    }
    const counts = shares.map(({ places }) => places.length);
    const isEven = Math.max(...counts) - Math.min(...counts) <= 1;
    // One that does not commit in time gets less than its share.
    if (!isEven && command.commitTimeoutMs === undefined) report('uneven', at, `${name}: shares are ${counts.join()}`);
  }
}
