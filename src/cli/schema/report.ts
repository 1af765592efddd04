import pc from 'picocolors';
import {
  type CompatibilityFinding,
  CompatibilityLevel,
  CompatibilityReading,
  CompatibilityVerdict,
  type SchemaPolicy,
  type SchemaReport,
} from '../../client/index.js';
import { safeText } from '../safe-text.js';
import { formatCount, plural } from '../values.js';

/** `backward, declared`. */
export function policyText(policy: SchemaPolicy | undefined): string {
  const level = CompatibilityLevel[policy?.level ?? 0]?.toLowerCase() ?? 'unknown';
  const reading = CompatibilityReading[policy?.reading ?? 0]?.toLowerCase() ?? 'unknown';
  return `${level}, ${reading}`;
}

/** What a check found, for people: a line for each question, and under it the document that would break. */
export function reportLines(report: SchemaReport): string[] {
  const lines = [`${report.accepted ? pc.green('accepted') : pc.red('refused')}: ${safeText(report.summary)}`];
  lines.push(pc.dim(`  policy: ${policyText(report.policy)}`));
  for (const finding of report.findings) lines.push(...findingLines(finding));
  const { evidence } = report;
  if (evidence) {
    const which = evidence.complete ? 'retained' : 'newest retained';
    lines.push(
      `  evidence: of the ${formatCount(Number(evidence.events))} ${which} events ${evidence.refused === 0n ? 'all are valid' : `${formatCount(Number(evidence.refused))} are refused`}`,
    );
    for (const { partition, offset, violations, cursor } of evidence.examples) {
      const why = violations.map((v) => `${v.pointer || 'the payload'} ${v.message} (${v.rule})`).join('; ');
      lines.push(safeText(`    ${partition ?? 0}:${offset ?? 0n} ${why}`), pc.dim(`      cursor: ${cursor}`));
    }
  }
  for (const reader of report.brokenReaders) {
    const who = reader.subscriber ? `subscriber ${reader.subscriber}` : `stream ${reader.streamId}`;
    lines.push(safeText(`  would break: ${who}, which reads version ${reader.readerSchemaVersion}`));
    if (reader.finding?.counterexample) lines.push(safeText(`    by ${reader.finding.counterexample}`));
  }
  for (const warning of report.warnings) lines.push(`  ${pc.yellow('warning')}: ${safeText(warning)}`);
  return lines;
}

/** One question and its answer. */
export function findingLines(finding: CompatibilityFinding): string[] {
  const marks: Partial<Record<CompatibilityVerdict, string>> = {
    [CompatibilityVerdict.COMPATIBLE]: pc.green('yes'),
    [CompatibilityVerdict.INCOMPATIBLE]: pc.red('no'),
    [CompatibilityVerdict.UNDECIDED]: pc.yellow('undecided'),
  };
  const { backward, version, verdict } = finding;
  const question = backward
    ? `reads all that version ${version} accepts`
    : `is read by version ${version}, whatever it accepts`;
  const lines = [`  ${question}: ${marks[verdict] ?? '?'}`];
  if (verdict !== CompatibilityVerdict.COMPATIBLE) lines.push(`    ${safeText(finding.message)}`);
  if (finding.counterexample) lines.push(`    the document that would break: ${safeText(finding.counterexample)}`);
  if (finding.schemaPointer) lines.push(pc.dim(`    refused by: ${safeText(finding.schemaPointer)}`));
  if (finding.undecidedKeyword) {
    lines.push(`    stopped at: ${safeText(`${finding.undecidedKeyword} (${finding.undecidedPointer})`)}`);
  }
  if (finding.dependsOnReading) lines.push(pc.dim('    the other reading (strict or declared) gives another answer'));
  return lines;
}

export function validText(valid: number, all: number): string {
  return valid === all
    ? `${plural(all, 'event')} valid`
    : `${formatCount(all - valid)} of ${plural(all, 'event')} invalid`;
}
