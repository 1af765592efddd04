import type { SchemaJudge } from '../ports/schema-judge.js';
import { compareWith } from './compare.js';
import { questionsOf } from './policy.js';
import type { Finding, SchemaPolicy } from './report.js';

/** What a new version is to a topic. */
export interface ProposedVersion {
  /** Self-contained. */
  readonly definition: string;
  readonly policy: SchemaPolicy;
  /** The version that applies now. */
  readonly latest: number | undefined;
  /** All versions, in order. */
  readonly versions: readonly number[];
  /** A version's text, self-contained. */
  load(version: number): Promise<string>;
  readonly acceptUndecided: boolean;
}

export interface Judgement {
  readonly accepted: boolean;
  readonly summary: string;
  readonly findings: readonly Finding[];
}

/** Whether a policy admits a new version. Throws SCHEMA_INVALID where it does not compile, OVERLOADED. */
export async function judgeProposal(
  judge: SchemaJudge,
  { definition, policy, latest, versions, load, acceptUndecided }: ProposedVersion,
  signal: AbortSignal,
): Promise<Judgement> {
  await judge.compile(definition, signal);
  const questions = questionsOf(policy.level, latest, versions);
  const findings = await compareWith(
    judge,
    { definition, called: 'the new schema', reading: policy.reading, load },
    questions,
    signal,
  );
  const refuted = findings.find(({ verdict }) => verdict === 'incompatible');
  const undecided = findings.find(({ verdict }) => verdict === 'undecided');
  const under = `${policy.level} (reading ${policy.reading})`;
  if (refuted !== undefined) return { accepted: false, summary: `not ${under}: ${refuted.message}`, findings };
  if (undecided !== undefined && !acceptUndecided) {
    const summary = `not shown to be ${under}: ${undecided.message}; it may be registered by accepting what is undecided`;
    return { accepted: false, summary, findings };
  }
  const summary =
    findings.length === 0
      ? policy.level === 'NONE'
        ? 'the level is NONE: nothing is compared'
        : 'there is no earlier version to compare with'
      : undecided !== undefined
        ? `not shown to be ${under}, and accepted all the same: ${undecided.message}`
        : `${under}: ${findings[0]?.message}${findings.length > 1 ? `; and ${findings.length - 1} more such` : ''}`;
  return { accepted: true, summary, findings };
}
