import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Evidence, Finding, SchemaPolicy, SchemaReport } from '../../core/compatibility/report.js';
import type { Violation } from '../../core/errors.js';
import {
  type CompatibilityFindingSchema,
  CompatibilityLevel,
  CompatibilityReading,
  CompatibilityVerdict,
  type SchemaReport as ReportMessage,
  type SchemaEvidenceSchema,
  type SchemaPolicySchema,
  SchemaReportSchema,
} from '../../gen/mainstem/v1/schema_pb.js';
import { cutText } from './error-limits.js';

export const levels: { readonly [K in SchemaPolicy['level']]: CompatibilityLevel } = {
  NONE: CompatibilityLevel.NONE,
  BACKWARD: CompatibilityLevel.BACKWARD,
  BACKWARD_TRANSITIVE: CompatibilityLevel.BACKWARD_TRANSITIVE,
  FORWARD: CompatibilityLevel.FORWARD,
  FORWARD_TRANSITIVE: CompatibilityLevel.FORWARD_TRANSITIVE,
  FULL: CompatibilityLevel.FULL,
  FULL_TRANSITIVE: CompatibilityLevel.FULL_TRANSITIVE,
};

export const readings: { readonly [K in SchemaPolicy['reading']]: CompatibilityReading } = {
  strict: CompatibilityReading.STRICT,
  declared: CompatibilityReading.DECLARED,
};

const verdicts: { readonly [K in Finding['verdict']]: CompatibilityVerdict } = {
  compatible: CompatibilityVerdict.COMPATIBLE,
  incompatible: CompatibilityVerdict.INCOMPATIBLE,
  undecided: CompatibilityVerdict.UNDECIDED,
};

export function toPolicy({ level, reading }: SchemaPolicy): MessageInitShape<typeof SchemaPolicySchema> {
  return { level: levels[level], reading: readings[reading] };
}

/** How much of a report is told: in the details of errors only a part. */
export interface ReportLimits {
  /** Entries of each list. */
  readonly entries: number;
  /** Characters of each text; a longer counterexample is left out, since half a document is none. */
  readonly chars: number;
}

const everything: ReportLimits = { entries: Number.POSITIVE_INFINITY, chars: Number.POSITIVE_INFINITY };

/** What refuses or is not decided comes first where not all is told. */
export function toReport(report: SchemaReport, limits = everything): ReportMessage {
  const { policy, accepted, summary, findings, evidence, brokenReaders, warnings } = report;
  const { entries, chars } = limits;
  const ordered =
    findings.length > entries ? [...findings].sort((a, b) => weight(b.verdict) - weight(a.verdict)) : findings;
  return create(SchemaReportSchema, {
    policy: toPolicy(policy),
    accepted,
    summary: cutText(summary, chars),
    findings: ordered.slice(0, entries).map((finding) => toFinding(finding, limits)),
    brokenReaders: brokenReaders.slice(0, entries).map(({ subscriber = '', streamId = '', version, finding }) => ({
      subscriber,
      streamId,
      readerSchemaVersion: version,
      finding: toFinding(finding, limits),
    })),
    warnings: warnings.slice(0, entries).map((warning) => cutText(warning, chars)),
    ...(evidence === undefined ? {} : { evidence: toEvidence(evidence, limits) }),
  });
}

function weight(verdict: Finding['verdict']): number {
  return ['compatible', 'undecided', 'incompatible'].indexOf(verdict);
}

export function toFinding(finding: Finding, limits = everything): MessageInitShape<typeof CompatibilityFindingSchema> {
  const { counterexample = '', violation, schemaPointer = '', undecidedKeyword = '', undecidedPointer = '' } = finding;
  const { chars } = limits;
  return {
    backward: finding.backward,
    version: finding.version,
    verdict: verdicts[finding.verdict],
    message: cutText(finding.message, chars),
    counterexample: counterexample.length > chars ? '' : counterexample,
    schemaPointer: cutText(schemaPointer, chars),
    undecidedKeyword: cutText(undecidedKeyword, chars),
    undecidedPointer: cutText(undecidedPointer, chars),
    dependsOnReading: finding.dependsOnReading,
    steps: BigInt(finding.steps),
    ...(violation === undefined ? {} : { violation: cutViolation(violation, limits) }),
  };
}

function toEvidence(evidence: Evidence, limits: ReportLimits): MessageInitShape<typeof SchemaEvidenceSchema> {
  return {
    events: BigInt(evidence.events),
    refused: BigInt(evidence.refused),
    complete: evidence.complete,
    examples: evidence.examples
      .filter(({ cursor }) => cursor.length <= limits.chars)
      .slice(0, limits.entries)
      .map(({ cursor, partition, offset, schemaVersion, violations }) => ({
        cursor,
        partition,
        offset: BigInt(offset),
        violations: violations.slice(0, limits.entries).map((violation) => cutViolation(violation, limits)),
        ...(schemaVersion === undefined ? {} : { schemaVersion }),
      })),
  };
}

function cutViolation({ pointer, rule, message }: Omit<Violation, 'event'>, { chars }: ReportLimits) {
  return { pointer: cutText(pointer, chars), rule: cutText(rule, chars), message: cutText(message, chars) };
}
