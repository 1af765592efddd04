import type { RuleBook } from './rule-book.js';
import type { Literal, Place } from './rules.js';

/** Turns schemas into rules. */
export interface Translator {
  readonly book: RuleBook;
  /** A schema that applies to the same value as the one that it stands in. */
  schema(from: Place, schema: unknown): Literal;
  /** A schema for another value: of a property, of an item, or the document itself. */
  position(from: Place, schema: unknown): Literal;
  /** What a schema rule says, one step deeper. */
  expand(literal: Literal): Literal;
  /** Something that is not reasoned about. */
  opaque(place: Place, keyword: string, of: unknown): Literal;
}

/** One schema object on its way into rules. */
export interface Translation {
  readonly translator: Translator;
  readonly place: Place;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly book: RuleBook;
}
