import { checkCommits } from './check-commits.js';
import { checkPublishes } from './check-publishes.js';
import { checkSilences } from './check-silences.js';
import { checkStreams } from './check-streams.js';
import { createEventIndex, lifeOf } from './event-index.js';
import type { History } from './history.js';
import type { Report, Rule, Violation } from './violation.js';

/** How many violations of one rule are told; further ones are counted. */
const toldPerRule = 5;

/** Everything that a history shows to be broken; empty if all promises were kept. */
export function checkHistory(history: History): Violation[] {
  const counts = new Map<Rule, number>();
  const violations: Violation[] = [];
  const report: Report = (rule, what) => {
    const count = (counts.get(rule) ?? 0) + 1;
    counts.set(rule, count);
    if (count <= toldPerRule) violations.push({ rule, what });
  };

  const index = createEventIndex();
  const place = (incarnation: string, record: Parameters<typeof index.add>[1], source: string) => {
    const contradiction = index.add(incarnation, record, source);
    if (contradiction !== undefined) report('moved', contradiction);
  };
  for (const record of history.final?.records ?? []) place(history.final?.incarnation ?? '', record, 'the full read');
  for (const publish of history.publishes) {
    const life = publish.status === 'ok' ? lifeOf(history, publish.startedAt, publish.endedAt) : undefined;
    if (life !== undefined) place(life, publish, 'the answer to its publisher');
  }
  for (const stream of history.streams) {
    for (const { records = [], cursor } of stream.frames) {
      for (const record of records) place(cursor?.incarnation ?? '', record, `a stream of ${stream.reader}`);
    }
  }

  checkPublishes(history, report);
  checkStreams(history, index, report);
  checkCommits(history, report);
  checkSilences(history, report);
  for (const what of history.overdue) report('overdue', what);
  if (history.final === undefined) report('empty', 'the topic could not be read after healing');
  if (!history.publishes.some(({ status }) => status === 'ok')) report('empty', 'no event was acknowledged');
  for (const [rule, count] of counts) {
    if (count > toldPerRule) violations.push({ rule, what: `… and ${count - toldPerRule} more` });
  }
  return violations;
}
