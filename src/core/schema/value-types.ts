import { ExactNumber } from '../numbers/exact-number.js';

/**
 * The types that every JSON value has exactly one of, as bits. Numbers are split in two, so that `integer` is a type like the
 * others.
 */
export const valueTypes = {
  null: 1,
  boolean: 2,
  integer: 4,
  fraction: 8,
  string: 16,
  array: 32,
  object: 64,
} as const;

export type ValueType = (typeof valueTypes)[keyof typeof valueTypes];
/** A set of types. */
export type TypeMask = number;

export const anyType: TypeMask = 127;
export const numberTypes: TypeMask = valueTypes.integer | valueTypes.fraction;
/** In the order in which an example is easiest to read. */
export const allTypes: readonly ValueType[] = Object.values(valueTypes);

const names: ReadonlyMap<string, TypeMask> = new Map<string, TypeMask>([
  ...Object.entries(valueTypes).filter(([name]) => name !== 'fraction'),
  ['number', numberTypes],
]);

/** The types that a schema's `type` names. */
export function typeMask(type: unknown): TypeMask {
  const listed: readonly unknown[] = Array.isArray(type) ? type : [type];
  return listed.reduce<TypeMask>((mask, name) => mask | (names.get(String(name)) ?? 0), 0);
}

export function typeOf(value: unknown): TypeMask {
  if (value === null) return valueTypes.null;
  switch (typeof value) {
    case 'boolean':
      return valueTypes.boolean;
    case 'number':
      return Number.isInteger(value) ? valueTypes.integer : valueTypes.fraction;
    case 'string':
      return valueTypes.string;
    default:
      if (value instanceof ExactNumber) return value.isInteger ? valueTypes.integer : valueTypes.fraction;
      return Array.isArray(value) ? valueTypes.array : valueTypes.object;
  }
}
