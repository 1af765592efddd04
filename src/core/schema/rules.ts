import type { JsonNumber } from '../numbers/exact-number.js';
import type { Draft } from './form/draft.js';
import { anyType, numberTypes, type TypeMask, valueTypes } from './value-types.js';

/** A rule (its number), or, negative, that the rule does not hold. */
export type Literal = number;

export const always: Literal = 1;
export const never: Literal = -1;

/** A schema, and the document that it stands in. */
export interface Place {
  readonly document: SchemaDocument;
  readonly schema: unknown;
}

/** A whole schema in normal form. */
export interface SchemaDocument {
  readonly draft: Draft;
  readonly reading: Reading;
  readonly root: Place;
  /** The same for equal documents. */
  readonly text: string;
  /** Where a reference leads; undefined for the drafts' own schemas, which are not looked into. */
  resolve(reference: string): Place | undefined;
}

/**
 * How the objects of the older side are read. `strict`: an undeclared property may have held anything that the schema lets through.
 * `declared`: publishers sent only properties that the schema declares; an object that declares none is a free-form map.
 */
export type Reading = 'strict' | 'declared';

type CountKind = 'minLength' | 'maxLength' | 'minItems' | 'maxItems' | 'minProperties' | 'maxProperties';

/**
 * What schemas are translated into. Every rule but the first five looks at values of certain types only, and holds for all
 * others.
 */
export type Rule =
  | { readonly kind: 'always' }
  /** A schema that is translated when it is needed: schemas refer to themselves. */
  | { readonly kind: 'schema'; readonly place: Place }
  | { readonly kind: 'all'; readonly parts: readonly Literal[] }
  | { readonly kind: 'one'; readonly parts: readonly Literal[] }
  | { readonly kind: 'types'; readonly mask: TypeMask }
  | { readonly kind: 'values'; readonly values: ReadonlyMap<string, unknown> }
  | { readonly kind: 'minimum' | 'maximum'; readonly limit: JsonNumber; readonly exclusive: boolean }
  | { readonly kind: 'multipleOf'; readonly divisor: JsonNumber }
  | { readonly kind: CountKind; readonly count: number }
  | { readonly kind: 'pattern'; readonly source: string }
  | { readonly kind: 'format'; readonly name: string; readonly on: TypeMask }
  | { readonly kind: 'items'; readonly prefix: readonly Literal[]; readonly rest: Literal }
  | { readonly kind: 'contains'; readonly item: Literal; readonly least: number; readonly most: number }
  | { readonly kind: 'uniqueItems' }
  | PropertiesRule
  | { readonly kind: 'required'; readonly name: string }
  | { readonly kind: 'propertyNames'; readonly name: Literal }
  | DeclaredRule
  /** Something that is not reasoned about; equal texts mean the same. */
  | { readonly kind: 'opaque'; readonly keyword: string };

export interface PropertiesRule {
  readonly kind: 'properties';
  readonly names: ReadonlyMap<string, Literal>;
  readonly patterns: readonly (readonly [source: string, value: Literal])[];
  readonly rest: Literal;
}

/** The properties that an object's schema declares; only there under the reading `declared`, and never negated. */
export interface DeclaredRule {
  readonly kind: 'declared';
  readonly names: ReadonlySet<string>;
  readonly patterns: readonly string[];
  /** All others are declared too: it is a map. */
  readonly open: boolean;
}

/** The types of value that a rule looks at. */
export function looksAt(rule: Rule): TypeMask {
  switch (rule.kind) {
    case 'minimum':
    case 'maximum':
    case 'multipleOf':
      return numberTypes;
    case 'minLength':
    case 'maxLength':
    case 'pattern':
      return valueTypes.string;
    case 'format':
      return rule.on;
    case 'minItems':
    case 'maxItems':
    case 'items':
    case 'contains':
    case 'uniqueItems':
      return valueTypes.array;
    case 'minProperties':
    case 'maxProperties':
    case 'properties':
    case 'required':
    case 'propertyNames':
    case 'declared':
      return valueTypes.object;
    default:
      return anyType;
  }
}
