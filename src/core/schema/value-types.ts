/**
 * The types that every JSON value has exactly one of, as bits. Numbers are split in two, so that `integer` is a type like the
 * others. A number beyond a double (1e400) has none: no `type` of a schema accepts it.
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
      if (Number.isInteger(value)) return valueTypes.integer;
      return Number.isFinite(value) ? valueTypes.fraction : 0;
    case 'string':
      return valueTypes.string;
    default:
      return Array.isArray(value) ? valueTypes.array : valueTypes.object;
  }
}
