import { Buffer } from 'node:buffer';
import { checkAssignments } from './check-assignments.js';
import { commitChecks } from './check-commits.js';
import { checkIdentities } from './check-identities.js';
import { streamChecks } from './check-streams.js';
import type { Recorded } from './history.js';
import { commitsItself, reads } from './plan.js';
import { type Position, placeOf } from './positions.js';
import { endOf, payloadOf, type Remains } from './remains.js';
import type { Report, Violation } from './violation.js';

/** Judges a history that has come to its end, by the log as it is then. */
export function checkHistory(history: readonly Recorded[], remains: Remains): Violation[] {
  const { world, plan, topics } = remains;
  const violations: Violation[] = [];
  const report: Report = (rule, at, what) => violations.push({ rule, at, what });
  const modes = new Map(plan.subscribers.map(({ name, command }) => [name, command.commitMode ?? 'explicit']));
  const commits = commitChecks(report, (subscriber) => modes.get(subscriber) === 'explicit');
  const streams = streamChecks(commits, report, (subscriber) => modes.get(subscriber) === 'before_delivery');
  /** By subscriber: how often each record was processed. */
  const processed = new Map(plan.subscribers.map(({ name }) => [name, new Map<string, number>()]));
  const published: (Position & { readonly id: number; readonly at: number })[] = [];

  for (const happening of history) {
    commits.see(happening);
    streams.see(happening);
    if (happening.kind === 'published') published.push(happening);
    if (happening.kind !== 'processed') continue;
    const { record, subscriber, client, at } = happening;
    const counts = processed.get(subscriber);
    const key = keyOf(record);
    const count = (counts?.get(key) ?? 0) + 1;
    counts?.set(key, count);
    if (plan.calm && count > 1) report('repeated', at, `${client} processes ${key} again, and nothing has failed`);
  }

  const end = history.at(-1)?.at ?? 0;
  for (const { at, id, ...position } of published) {
    const stored = world.topics.find(position.topic)?.partitions[position.partition]?.records[position.offset];
    if (Buffer.from(stored?.value ?? []).toString() !== payloadOf(id)) {
      report('lost', at, `event ${id} was acknowledged at ${keyOf(position)}, and is not there`);
    }
    for (const { name, command } of plan.subscribers) {
      if (commitsItself(command) || !reads(command, position.topic)) continue;
      if (!processed.get(name)?.has(keyOf(position))) report('lost', end, `${name} never processed ${keyOf(position)}`);
    }
  }
  for (const { name, command } of plan.subscribers) {
    for (const { topic, partition, offset } of endOf(world, topics, command)) {
      const next = commits.now(name, { topic, partition })?.next ?? 0;
      if (next < offset)
        report('behind', end, `${name} has committed ${topic}/${partition} up to ${next} of ${offset}`);
    }
  }
  checkIdentities(history, remains, report);
  checkAssignments(remains, streams.streams, report, end);
  return violations;
}

const keyOf = (position: Position): string => `${placeOf(position)}@${position.offset}`;
