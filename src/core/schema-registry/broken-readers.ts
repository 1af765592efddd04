import { compareWith, type Proposal } from '../compatibility/compare.js';
import type { BrokenReader, Finding } from '../compatibility/report.js';
import type { Coordination } from '../ports/coordination.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { readersOf } from '../readers/records.js';
import type { TopicVersions } from '../topics/versions.js';

/** How many are named; whoever breaks more has seen enough. */
const mostNamed = 1_000;

/**
 * The live and the durable readers that declared a version which does not accept all that a proposed schema accepts, or is not known to, at most
 * 1,000 of them. Throws OVERLOADED, CoordinationErrors.
 */
export async function brokenReaders(
  { coordination, judge }: { readonly coordination: Coordination; readonly judge: SchemaJudge },
  { topic, incarnation, versions }: TopicVersions,
  proposal: Omit<Proposal, 'called'>,
  signal: AbortSignal,
): Promise<BrokenReader[]> {
  const readers = (await readersOf(coordination, topic, incarnation)).filter(({ version }) =>
    versions.includes(version),
  );
  const asked = [...new Set(readers.map(({ version }) => version))].map((version) => ({ version, backward: false }));
  const findings = new Map<number, Finding>();
  const named = { ...proposal, called: 'the new schema' };
  for (const finding of await compareWith(judge, named, asked, signal)) findings.set(finding.version, finding);
  const broken = readers.flatMap((reader) => {
    const finding = findings.get(reader.version);
    return finding === undefined || finding.verdict === 'compatible' ? [] : [{ ...reader, finding }];
  });
  return broken.slice(0, mostNamed);
}
