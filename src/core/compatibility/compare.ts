import type { SchemaJudge } from '../ports/schema-judge.js';
import type { Comparison, Reading } from '../schema/index.js';
import type { Question } from './policy.js';
import type { Finding } from './report.js';

/** A proposed schema, and how to come by the ones it is compared with. */
export interface Proposal {
  /** As validators see it: self-contained. */
  readonly definition: string;
  /** What sentences call it. */
  readonly called: string;
  readonly reading: Reading;
  /** A version's text, self-contained likewise. */
  load(version: number): Promise<string>;
}

/** Reasoning steps of one comparison, about 2 s of one core at worst for each reading; and of all that one call asks for. */
const stepsPerComparison = 1_000_000;
const stepsPerCall = 20_000_000;

/** Asks each question of a proposed schema; what the call's budget does not reach is undecided. Throws SCHEMA_INVALID, OVERLOADED. */
export async function compareWith(
  judge: SchemaJudge,
  proposal: Proposal,
  questions: readonly Question[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  let left = stepsPerCall;
  for (const question of questions) {
    if (left <= 0) {
      findings.push(notReached(question));
      continue;
    }
    const versions = [{ version: question.version, definition: await proposal.load(question.version) }];
    const level = question.backward ? 'BACKWARD' : 'FORWARD';
    const { definition: proposed, reading, called } = proposal;
    const request = { level, reading, proposed, versions, steps: Math.min(left, stepsPerComparison) } as const;
    const { comparisons } = await judge.compare(request, signal);
    for (const comparison of comparisons) {
      left -= comparison.steps;
      findings.push(toFinding(comparison, reading, called));
    }
  }
  return findings;
}

function toFinding(comparison: Comparison, reading: Reading, called: string): Finding {
  const { version, direction, verdict, dependsOnReading, steps } = comparison;
  const backward = direction === 'backward';
  const counterexample = verdict.kind === 'incompatible' ? verdict.counterexample : undefined;
  const undecided = verdict.kind === 'undecided' ? verdict : undefined;
  const message = sentenceOf(comparison, backward, called);
  return {
    backward,
    version,
    verdict: verdict.kind,
    message: dependsOnReading ? `${message}; ${otherReading(comparison, reading)}` : message,
    counterexample: counterexample?.document,
    violation: counterexample && {
      pointer: counterexample.pointer,
      rule: counterexample.refusedBy.keyword,
      message: counterexample.refusedBy.message,
    },
    schemaPointer: counterexample?.refusedBy.pointer,
    undecidedKeyword: undecided?.stoppedBy.keyword,
    undecidedPointer: undecided?.stoppedBy.place?.pointer,
    dependsOnReading,
    steps,
  };
}

function sentenceOf({ version, verdict }: Comparison, backward: boolean, called: string): string {
  const [from, to] = backward ? [`version ${version}`, called] : [called, `version ${version}`];
  switch (verdict.kind) {
    case 'compatible':
      return `${to} accepts every document that ${from} accepts`;
    case 'incompatible': {
      const { document, pointer, refusedBy } = verdict.counterexample;
      const where = pointer === '' ? 'it' : pointer;
      return `${from} accepts ${shown(document)}, and ${to} does not: ${where} ${refusedBy.message} (${refusedBy.keyword})`;
    }
    default: {
      const { keyword, place } = verdict.stoppedBy;
      const where = place
        ? ` at ${place.pointer} of ${place.schema === 'proposed' ? called : `version ${version}`}`
        : '';
      const why =
        keyword === 'budget'
          ? 'the schemas are too large or too intricate'
          : `"${keyword}"${where} stopped the reasoning`;
      return `it is not decided whether ${to} accepts every document that ${from} accepts: ${why}`;
    }
  }
}

function otherReading({ underOtherReading }: Comparison, reading: Reading): string {
  const verdict = underOtherReading?.kind ?? 'another';
  return reading === 'declared'
    ? `${verdict} if publishers have sent properties that the schema does not declare (reading strict)`
    : `${verdict} if publishers have sent only properties that the schema declares (reading declared)`;
}

function notReached({ version, backward }: Question): Finding {
  return {
    backward,
    version,
    verdict: 'undecided',
    message: `version ${version} was not compared: the comparisons before it have used up what one call may take`,
    counterexample: undefined,
    violation: undefined,
    schemaPointer: undefined,
    undecidedKeyword: 'budget',
    undecidedPointer: undefined,
    dependsOnReading: false,
    steps: 0,
  };
}

/** A document within a sentence. */
function shown(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 299)}…`;
}
