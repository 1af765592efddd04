import { writeExact } from '../numbers/exact-json.js';
import type { CompiledSchema, SchemaCompiler } from '../ports/schema-compiler.js';
import { canonical, setMember } from './json.js';

/** Asks the validator itself about single keywords, so that the reasoning cannot differ from it. */
export interface Oracle {
  /** Whether a value keeps the keyword; undefined where the validator cannot compile it. */
  accepts(keyword: AskedKeyword, operand: unknown, value: unknown): boolean | undefined;
}

export type AskedKeyword = 'pattern' | 'format' | 'multipleOf';

interface Group {
  readonly schemas: object;
  size: number;
  compiled: CompiledSchema | undefined;
  broken: boolean;
}

/** Keywords compiled together: a schema for each would take most of the time. */
const together = 50;

/** @param expected what will be asked about: compiled together at the first question. */
export function createOracle(compiler: SchemaCompiler, expected: Iterable<readonly [AskedKeyword, unknown]>): Oracle {
  const known = new Map<string, { name: string; group: Group }>();
  let open = emptyGroup();

  function enter(keyword: AskedKeyword, operand: unknown, group: Group) {
    const entry = { name: `k${group.size++}`, group };
    setMember(group.schemas, entry.name, { [keyword]: operand });
    group.compiled = undefined;
    known.set(keyOf(keyword, operand), entry);
    return entry;
  }

  for (const [keyword, operand] of expected) {
    if (known.has(keyOf(keyword, operand))) continue;
    if (open.size >= together) open = emptyGroup();
    enter(keyword, operand, open);
  }
  return {
    accepts(keyword, operand, value) {
      let entry = known.get(keyOf(keyword, operand)) ?? enter(keyword, operand, emptyGroup());
      compile(compiler, entry.group);
      if (entry.group.broken && entry.group.size > 1) {
        // One of the others cannot be compiled.
        entry = enter(keyword, operand, emptyGroup());
        compile(compiler, entry.group);
      }
      return entry.group.compiled?.accepts({ [entry.name]: value });
    },
  };
}

function emptyGroup(): Group {
  return { schemas: {}, size: 0, compiled: undefined, broken: false };
}

function keyOf(keyword: AskedKeyword, operand: unknown): string {
  return `${keyword} ${canonical(operand)}`;
}

function compile(compiler: SchemaCompiler, group: Group): void {
  if (group.compiled !== undefined || group.broken) return;
  try {
    group.compiled = compiler.compile(writeExact({ properties: group.schemas }));
  } catch {
    group.broken = true;
  }
}
