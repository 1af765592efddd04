import type { SchemaCompiler } from '../ports/schema-compiler.js';
import { type CheckedSchema, decideContainment, type SchemaRole, type Verdict } from './containment.js';
import type { Reading } from './rules.js';

/**
 * What a new schema must be to the ones before it. `BACKWARD`: every document that is valid under the old schema is valid under the
 * new one, so that consumers of the new schema can read what was published before. `FORWARD`: the other way round, so that consumers
 * of the old schema can read what is published from now on. `FULL`: both. `_TRANSITIVE`: to all earlier versions, not only the last.
 */
export type CompatibilityLevel =
  | 'NONE'
  | 'BACKWARD'
  | 'BACKWARD_TRANSITIVE'
  | 'FORWARD'
  | 'FORWARD_TRANSITIVE'
  | 'FULL'
  | 'FULL_TRANSITIVE';

interface SchemaVersion {
  readonly version: number;
  /** UTF-8 JSON, with its references to registered schemas frozen. */
  readonly definition: string;
}

export interface CompatibilityRequest {
  readonly level: CompatibilityLevel;
  readonly reading: Reading;
  /** The schema that is to become the next version: UTF-8 JSON, with its references to registered schemas frozen. */
  readonly proposed: string;
  /** The versions to compare it with, oldest first. */
  readonly versions: readonly SchemaVersion[];
  /** Reasoning steps for each comparison, half of them for each reading; by default 1,000,000, about 2 s of one core. */
  readonly steps?: number;
}

export interface CompatibilityReport {
  readonly level: CompatibilityLevel;
  readonly reading: Reading;
  /** The worst of all comparisons: one counterexample makes it incompatible, and what is undecided is not compatible. */
  readonly verdict: Verdict['kind'];
  /** Whether the other reading would give another verdict, here or in some comparison. */
  readonly dependsOnReading: boolean;
  /** In the order of the versions; `backward` before `forward`. */
  readonly comparisons: readonly Comparison[];
  /** Reasoning steps taken, the same on every machine. */
  readonly steps: number;
}

/** The proposed schema against one version, in one direction. */
export interface Comparison {
  readonly version: number;
  /** `backward`: documents of the version under the proposed schema; `forward`: documents of the proposed schema under the version. */
  readonly direction: 'backward' | 'forward';
  readonly verdict: Verdict;
  readonly dependsOnReading: boolean;
  /** The verdict under the other reading, where it differs: then the outcome hangs on what publishers have sent. */
  readonly underOtherReading: Verdict | undefined;
  /** Reasoning steps taken, the same on every machine. */
  readonly steps: number;
}

/** What takes about 2 s of one core, at worst. */
const defaultSteps = 1_000_000;

/**
 * Compares a proposed schema with earlier versions, as a level asks: with proofs and counterexamples, never by rules of thumb.
 * `NONE`, or no earlier version, makes no comparison and is compatible. Throws SCHEMA_INVALID for a schema that does not compile.
 */
export function checkCompatibility(compiler: SchemaCompiler, request: CompatibilityRequest): CompatibilityReport {
  const { level, reading } = request;
  const proposed = checked(compiler, request.proposed, 'proposed');
  const comparisons: Comparison[] = [];
  for (const { version, definition } of comparedVersions(request)) {
    const earlier = checked(compiler, definition, 'version');
    for (const direction of directionsOf(level)) {
      const [from, to] = direction === 'backward' ? [earlier, proposed] : [proposed, earlier];
      comparisons.push({ version, direction, ...compare(compiler, from, to, request) });
    }
  }
  return {
    level,
    reading,
    verdict: worst(comparisons.map(({ verdict }) => verdict.kind)),
    dependsOnReading: comparisons.some((comparison) => comparison.dependsOnReading),
    comparisons,
    steps: comparisons.reduce((sum, { steps }) => sum + steps, 0),
  };
}

function comparedVersions({ level, versions }: CompatibilityRequest): readonly SchemaVersion[] {
  return level.endsWith('_TRANSITIVE') ? versions : versions.slice(-1);
}

function directionsOf(level: CompatibilityLevel): Comparison['direction'][] {
  if (level.startsWith('FULL')) return ['backward', 'forward'];
  if (level.startsWith('BACKWARD')) return ['backward'];
  return level.startsWith('FORWARD') ? ['forward'] : [];
}

function checked(compiler: SchemaCompiler, definition: string, role: SchemaRole): CheckedSchema {
  return { role, definition, compiled: compiler.compile(definition) };
}

function compare(
  compiler: SchemaCompiler,
  from: CheckedSchema,
  to: CheckedSchema,
  { reading, steps = defaultSteps }: CompatibilityRequest,
): Omit<Comparison, 'version' | 'direction'> {
  const share = Math.floor(steps / 2);
  const strict = decideContainment(compiler, from, to, 'strict', share);
  // What is proved of all documents is proved of those with declared properties, too.
  if (strict.verdict.kind === 'compatible') return { ...strict, dependsOnReading: false, underOtherReading: undefined };
  const declared = decideContainment(compiler, from, to, 'declared', share);
  const [own, other] = reading === 'strict' ? [strict, declared] : [declared, strict];
  const dependsOnReading = own.verdict.kind !== other.verdict.kind;
  return {
    verdict: own.verdict,
    dependsOnReading,
    underOtherReading: dependsOnReading ? other.verdict : undefined,
    steps: strict.steps + declared.steps,
  };
}

function worst(kinds: readonly Verdict['kind'][]): Verdict['kind'] {
  return (['incompatible', 'undecided'] as const).find((kind) => kinds.includes(kind)) ?? 'compatible';
}
