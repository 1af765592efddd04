import { compareWith, type Proposal } from '../compatibility/compare.js';
import type { BrokenReader, Finding } from '../compatibility/report.js';
import type { Coordination } from '../ports/coordination.js';
import type { SchemaJudge } from '../ports/schema-judge.js';
import { readersOf } from '../readers/readers.js';
import type { TopicVersions } from '../topics/versions.js';

/**
 * The live and the durable readers that declared a version which does not accept all that a proposed schema accepts, or is not known to. Versions
 * that are no more are passed over. Throws OVERLOADED, CoordinationErrors.
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
  return readers.flatMap((reader) => {
    const finding = findings.get(reader.version);
    return finding === undefined || finding.verdict === 'compatible' ? [] : [{ ...reader, finding }];
  });
}
