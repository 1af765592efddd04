import { ExactNumber, isJsonNumber } from '../numbers/exact-number.js';
import { annotations, refStandsAlone } from '../schema/form/keyword-kinds.js';
import type { ParsedSchema, SchemaObject } from '../schema/form/parse.js';
import { followReference } from '../schema/form/reference.js';
import { isObject } from '../schema/json.js';
import { arrays } from './arrays.js';
import type { KeyPath } from './key.js';
import { anyKinds, anyValue, type Kind, type Kinds, kinds, ofKinds } from './kinds.js';
import { literals } from './literals.js';
import { numbers } from './numbers.js';
import { objects } from './objects.js';
import { dontKnow, type Scan } from './scan.js';
import { texts } from './texts.js';

/** Keywords that are not scanned for, and the kinds of values that they say something about. */
const beyond: Readonly<Record<string, readonly Kind[]>> = {
  ...about(kinds, ['allOf', 'not', 'if', '$dynamicRef', '$recursiveRef', '$data']),
  ...about(['string'], ['pattern']),
  ...about(['string', 'number'], ['format']),
  ...about(['number'], ['multipleOf']),
  ...about(['array'], ['contains', 'prefixItems', 'uniqueItems', 'unevaluatedItems']),
  ...about(['object'], ['dependencies', 'dependentRequired', 'dependentSchemas', 'maxProperties', 'minProperties']),
  ...about(['object'], ['patternProperties', 'propertyNames', 'unevaluatedProperties']),
};

function about(concerned: readonly Kind[], keywords: readonly string[]): Record<string, readonly Kind[]> {
  return Object.fromEntries(keywords.map((keyword) => [keyword, concerned]));
}

/** Keywords that say nothing of a value by themselves. */
const silent: ReadonlySet<string> = new Set([...annotations, '$defs', 'definitions', '$dynamicAnchor', '$anchor']);

/** A validator gives up after as many steps as a document has values, times this; each reference that is followed is a step. */
const mostReferences = 4;

/** One value that schemas are compiled for. */
interface Place {
  /** How many tokens of the key's path lead here; undefined: it is not on the way. */
  readonly onPath: number | undefined;
  /** How many references have been followed for this value. */
  references: number;
}

/**
 * Compiles a schema in normal form into a scan that accepts only what the schema does, and on the way finds the key. What it does not accept is not
 * known to be refused.
 */
export function compileScan({ schema: root, draft }: ParsedSchema, path: KeyPath | undefined): Scan {
  /** Of the schemas that are not on the path; undefined while they are being compiled. */
  const known = new Map<SchemaObject, Scan | undefined>();

  function scanOf(schema: unknown, onPath: number | undefined): Scan {
    if (schema === true && onPath === undefined) return anyValue;
    if (!isObject(schema) || onPath !== undefined) return ofKinds(kindsOf(schema, { onPath, references: 0 }));
    const found = known.get(schema);
    if (found !== undefined) return found;
    // A schema that contains itself.
    if (known.has(schema)) return (text, at, depth) => (known.get(schema) ?? dontKnow)(text, at, depth);
    known.set(schema, undefined);
    const scan = ofKinds(kindsOf(schema, { onPath, references: 0 }));
    known.set(schema, scan);
    return scan;
  }

  function kindsOf(schema: unknown, place: Place): Kinds {
    if (schema === true) return kindsOf({}, place);
    if (!isObject(schema)) return {};
    if (typeof schema.$ref === 'string' && refStandsAlone(draft)) return referred(schema.$ref, place);
    if ('enum' in schema && 'const' in schema) return nothingKnown(kinds);
    const elsewhere = ['$ref', 'anyOf', 'oneOf'].filter((keyword) => keyword in schema);
    if (elsewhere.length === 0) return ownKinds(schema, place);
    const others = Object.keys(schema).filter((keyword) => !silent.has(keyword));
    if (others.length > 1) return nothingKnown(kinds);
    if (typeof schema.$ref === 'string') return referred(schema.$ref, place);
    const branches = schema.anyOf ?? schema.oneOf;
    return Array.isArray(branches) ? either(branches.map((branch) => kindsOf(branch, place))) : nothingKnown(kinds);
  }

  function referred(reference: string, place: Place): Kinds {
    const target = followReference(root, reference);
    place.references++;
    if (target === undefined || place.references > mostReferences) return nothingKnown(kinds);
    return kindsOf(target, place);
  }

  /** What the schema's own keywords say. */
  function ownKinds(schema: SchemaObject, { onPath }: Place): Kinds {
    const found: { [K in Kind]?: Scan } = {};
    for (const kind of kindsIn(schema)) found[kind] = scanOfKind(kind, schema, onPath);
    for (const keyword of Object.keys(schema)) {
      if (keyword === 'uniqueItems' && schema.uniqueItems === false) continue;
      const concerned = Object.hasOwn(beyond, keyword) ? beyond[keyword] : undefined;
      for (const kind of concerned ?? []) if (found[kind] !== undefined) found[kind] = dontKnow;
    }
    return found;
  }

  function scanOfKind(kind: Kind, schema: SchemaObject, onPath: number | undefined): Scan {
    const values = listed(schema);
    switch (kind) {
      case 'null':
        return anyKinds.null;
      case 'boolean':
        return literals([true, false].filter((value) => values?.includes(value) ?? true).map(String));
      case 'number':
        return numberScan(schema, values);
      case 'string':
        return textScan(schema, values);
      case 'array':
        return values === undefined ? arrayScan(schema) : dontKnow;
      case 'object':
        return values === undefined ? objectScan(schema, onPath) : dontKnow;
    }
  }

  function arrayScan({ items = true, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: SchemaObject): Scan {
    if (Array.isArray(items) || typeof minItems !== 'number' || typeof maxItems !== 'number') return dontKnow;
    return arrays({ items: scanOf(items, undefined), minItems, maxItems });
  }

  function objectScan(schema: SchemaObject, onPath: number | undefined): Scan {
    const { properties = {}, required = [], additionalProperties = true } = schema;
    if (!isObject(properties) || !Array.isArray(required)) return dontKnow;
    const scans = new Map<string, Scan>();
    for (const [name, child] of Object.entries(properties)) scans.set(name, scanOf(child, undefined));
    const token = onPath === undefined ? undefined : path?.tokens[onPath];
    if (path !== undefined && onPath !== undefined && token !== undefined) {
      const child = Object.hasOwn(properties, token) ? properties[token] : additionalProperties;
      const isLast = onPath === path.tokens.length - 1;
      scans.set(token, path.kept(onPath, scanOf(child, isLast ? undefined : onPath + 1)));
    }
    const additional = additionalProperties === false ? undefined : scanOf(additionalProperties, undefined);
    return objects({ properties: scans, required, additional });
  }

  return scanOf(root, path === undefined ? undefined : 0);
}

const typeNames: Readonly<Record<string, Kind>> = {
  ...Object.fromEntries(kinds.map((kind) => [kind, kind])),
  integer: 'number',
};

/** The kinds of values that `type`, `enum` and `const` leave. */
function kindsIn(schema: SchemaObject): Kind[] {
  const { type } = schema;
  const types = new Set((Array.isArray(type) ? type : [type]).map((name) => typeNames[String(name)]));
  const values = listed(schema);
  return kinds.filter(
    (kind) =>
      (type === undefined || types.has(kind)) &&
      (values === undefined || values.some((value) => kindOf(value) === kind)),
  );
}

/** The values of `enum` or `const`. */
function listed(schema: SchemaObject): readonly unknown[] | undefined {
  if ('const' in schema) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : undefined;
}

function kindOf(value: unknown): Kind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (isJsonNumber(value)) return 'number';
  return typeNames[typeof value] ?? 'object';
}

function numberScan(schema: SchemaObject, values: readonly unknown[] | undefined): Scan {
  const { type } = schema;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  const rules = { isInteger: types.includes('integer') && !types.includes('number'), values: values?.filter(isNumber) };
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  return numbers({
    ...rules,
    minimum: typeof minimum === 'number' ? minimum : undefined,
    maximum: typeof maximum === 'number' ? maximum : undefined,
    exclusiveMinimum: strictest(Math.max, exclusiveMinimum, minimum),
    exclusiveMaximum: strictest(Math.min, exclusiveMaximum, maximum),
  });
}

/**
 * The exclusive bound. A bound that no double holds becomes the double next to it: the numbers that are compared have few digits, and one that is
 * equal to that double might be on either side of the bound.
 */
function strictest(
  choose: (...limits: number[]) => number,
  exclusive: unknown,
  inclusive: unknown,
): number | undefined {
  const limits = [exclusive, ...(inclusive instanceof ExactNumber ? [inclusive] : [])].filter(isJsonNumber).map(Number);
  return limits.length === 0 ? undefined : choose(...limits);
}

function textScan(schema: SchemaObject, values: readonly unknown[] | undefined): Scan {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  return texts({
    minLength: Number(minLength),
    maxLength: Number(maxLength),
    values: values?.filter((value) => typeof value === 'string'),
  });
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/** Branches of which at least one applies, or exactly one: where a kind is accepted by one branch alone, that decides in both cases. */
function either(branches: readonly Kinds[]): Kinds {
  const found: { [K in Kind]?: Scan } = {};
  for (const kind of kinds) {
    const scans = branches.flatMap((branch) => branch[kind] ?? []);
    const [only = dontKnow] = scans;
    if (scans.length > 0) found[kind] = scans.length === 1 ? only : dontKnow;
  }
  return found;
}

function nothingKnown(of: readonly Kind[]): Kinds {
  return Object.fromEntries(of.map((kind) => [kind, dontKnow]));
}
