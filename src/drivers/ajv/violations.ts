import type { ErrorObject } from 'ajv';
import { writeExact } from '../../core/numbers/exact-json.js';
import type { ExplainedViolation, Explanation } from '../../core/ports/schema-compiler.js';
import { pointerTo } from '../../core/schema/form/limits.js';

/** Where things stand in the schema. */
export interface Pointers {
  readonly objects: ReadonlyMap<unknown, string>;
  /** Of all that are `false`. */
  readonly falses: readonly string[];
}

/** How many of ajv's errors are put in order and freed of duplicates; from there on they are only counted. */
const considered = 1_000;

/** Makes the values of a schema as they were written from what ajv was given. */
type Shown = (value: unknown) => unknown;

/** ajv's errors for people: by place, without duplicates, at most `most`. */
export function explainErrors(
  errors: readonly ErrorObject[],
  most: number,
  pointers: Pointers,
  shown: Shown,
): Explanation {
  const distinct = new Map<string, ExplainedViolation>();
  for (const error of errors.slice(0, considered)) {
    const violation = toViolation(error, pointers, shown);
    distinct.set(`${violation.pointer}\n${violation.rule}\n${violation.message}`, violation);
  }
  const violations = [...distinct.values()].sort((a, b) => comparePointers(a.pointer, b.pointer)).slice(0, most);
  return { violations, total: distinct.size + Math.max(0, errors.length - considered) };
}

function toViolation(error: ErrorObject, pointers: Pointers, shown: Shown): ExplainedViolation {
  const { instancePath, keyword } = error;
  return {
    pointer: cut(instancePath, 500),
    schemaPointer: cut(placeOf(error, pointers), 500),
    rule: keyword === 'false schema' ? 'false' : keyword,
    message: cut(messageOf(error, shown), 300),
  };
}

/** ajv's own path starts anew behind some references; but the schema object that it hands over is there only once. */
function placeOf({ schemaPath, parentSchema, keyword }: ErrorObject, { objects, falses }: Pointers): string {
  const parent = objects.get(parentSchema);
  if (parent !== undefined) return pointerTo(parent, keyword);
  const path = decodedPath(schemaPath.replace(/^#/, '').replace(/\/false schema$/, ''));
  return falses.find((pointer) => pointer.endsWith(path)) ?? path;
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** What the keyword asks for: `must be …`. */
export function messageOf(
  { keyword, params, message }: ErrorObject<string, Readonly<Record<string, unknown>>>,
  shown: Shown = (value) => value,
): string {
  const quote = (value: unknown) => JSON.stringify(cut(String(value), 100));
  switch (keyword) {
    case 'required':
      return `must have the property ${quote(params.missingProperty)}`;
    case 'dependentRequired':
    case 'dependencies':
      return `must have the property ${quote(params.missingProperty)} where it has ${quote(params.property)}`;
    case 'additionalProperties':
      return `must not have the property ${quote(params.additionalProperty)}: the schema does not know it`;
    case 'unevaluatedProperties':
      return `must not have the property ${quote(params.unevaluatedProperty)}: the schema does not know it`;
    case 'propertyNames':
      return `must not have a property called ${quote(params.propertyName)}`;
    case 'enum':
      return `must be one of ${listed(shown(params.allowedValues))}`;
    case 'const':
      return `must be ${cut(writeExact(shown(params.allowedValue)), 100)}`;
    case 'pattern':
      return `must match the pattern ${quote(params.pattern)}`;
    case 'type':
      return `must be ${Array.isArray(params.type) ? params.type.join(' or ') : String(params.type).replaceAll(',', ' or ')}`;
    case 'format':
      return `must have the format ${quote(params.format)}`;
    case 'false schema':
      return 'is not allowed here';
    default:
      return (message ?? `breaks the rule ${keyword}`).replace('must NOT', 'must not');
  }
}

/** The values of an enumeration, as many as fit into a line. */
function listed(values: unknown): string {
  if (!Array.isArray(values)) return 'the allowed values';
  let text = '';
  for (const [index, value] of values.entries()) {
    const next = cut(writeExact(value), 60);
    if (text.length + next.length > 160) return `${text}, … (${values.length - index} more)`;
    text += (index === 0 ? '' : ', ') + next;
  }
  return text;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** As the document reads where members are in order: `/items/2` before `/items/10`. */
function comparePointers(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const x = left[i] ?? '';
    const y = right[i] ?? '';
    if (x === y) continue;
    const numeric = Number(x) - Number(y);
    return Number.isNaN(numeric) || numeric === 0 ? (x < y ? -1 : 1) : numeric;
  }
  return left.length - right.length;
}
