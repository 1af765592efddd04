import type { CompatibilityLevel, Reading } from '../schema/index.js';
import type { SchemaPolicy } from './report.js';

export const compatibilityLevels: readonly CompatibilityLevel[] = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
];

export const readings: readonly Reading[] = ['strict', 'declared'];

/** Whether a policy refuses all that another one refuses. */
export function isAsStrict(policy: SchemaPolicy, other: SchemaPolicy): boolean {
  const mine = partsOf(policy.level);
  const theirs = partsOf(other.level);
  return (
    [...theirs.directions].every((direction) => mine.directions.has(direction)) &&
    (mine.transitive || !theirs.transitive) &&
    (policy.reading === 'strict' || other.reading === 'declared' || theirs.directions.size === 0)
  );
}

/** A question that a level asks of a version. */
export interface Question {
  readonly version: number;
  readonly backward: boolean;
}

/**
 * What a level asks, of the newest version first.
 *
 * @param latest the version that applies now
 * @param versions all of them, in order
 */
export function questionsOf(
  level: CompatibilityLevel,
  latest: number | undefined,
  versions: readonly number[],
): Question[] {
  const { directions, transitive } = partsOf(level);
  const asked = transitive ? [...versions].reverse() : latest === undefined ? [] : [latest];
  return asked.flatMap((version) =>
    [...directions].map((direction) => ({ version, backward: direction === 'backward' })),
  );
}

function partsOf(level: CompatibilityLevel): {
  readonly directions: ReadonlySet<'backward' | 'forward'>;
  readonly transitive: boolean;
} {
  const directions = new Set<'backward' | 'forward'>();
  if (level.startsWith('BACKWARD') || level.startsWith('FULL')) directions.add('backward');
  if (level.startsWith('FORWARD') || level.startsWith('FULL')) directions.add('forward');
  return { directions, transitive: level.endsWith('_TRANSITIVE') };
}
