import { compareNumbers, ExactNumber, isInteger, isJsonNumber, type JsonNumber } from '../../numbers/exact-number.js';
import { hashScalar } from './hash.js';
import { DistinctCounter } from './hyperloglog.js';

export type JsonType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

interface Span<T> {
  readonly min: T;
  readonly max: T;
}

/** What the values at one path of a topic's events are. */
export interface FieldProfile {
  /** JSON Pointer, in which `*` stands for every element of an array. Empty: the payload itself. */
  readonly path: string;
  /** In how many events it stands. */
  readonly events: number;
  /** The same as a share of the events that are JSON, 0 to 1. */
  readonly presence: number;
  /** How many values there are: more than events inside arrays. */
  readonly values: number;
  /** Values by JSON type; `number` counts those that are no integers. */
  readonly types: Readonly<Partial<Record<JsonType, number>>>;
  /** Different texts, numbers and booleans; undefined where there are none. Beyond 256 an estimate, with a standard error of 1.6 %. */
  readonly distinct: { readonly count: number; readonly exact: boolean } | undefined;
  /** Exactly: with every digit that was written. */
  readonly numbers: Span<JsonNumber> | undefined;
  /** By code units, cut to their first 100 characters. */
  readonly texts: Span<string> | undefined;
  /** Of texts, in characters as JSON Schema counts them. */
  readonly textLengths: Span<number> | undefined;
  /** Of arrays. */
  readonly arrayLengths: Span<number> | undefined;
  /** Up to 5 different values, the first that were met, texts cut to their first 100 characters and `…`. */
  readonly examples: readonly (string | JsonNumber | boolean)[];
}

const examplesPerField = 5;
const shownCharacters = 100;

/** A path, and what was seen there so far. */
export class Field {
  readonly properties = new Map<string, Field>();
  elements: Field | undefined;
  #events = 0;
  #lastEvent = -1;
  #values = 0;
  readonly #types: Partial<Record<JsonType, number>> = {};
  #distinct: DistinctCounter | undefined;
  #numbers: Span<JsonNumber> | undefined;
  #texts: Span<string> | undefined;
  #textLengths: Span<number> | undefined;
  #arrayLengths: Span<number> | undefined;
  readonly #examples = new Map<string | number | boolean, string | JsonNumber | boolean>();

  constructor(readonly path: string) {}

  /** @param event which one it is of */
  add(value: unknown, event: number): void {
    this.#values++;
    if (event !== this.#lastEvent) {
      this.#lastEvent = event;
      this.#events++;
    }
    const type = typeOf(value);
    this.#types[type] = (this.#types[type] ?? 0) + 1;
    if (typeof value === 'string') {
      const text = value.length > shownCharacters ? cut(value) : value;
      this.#texts = widened(this.#texts, text);
      this.#textLengths = widened(this.#textLengths, charactersOf(value));
      this.#seen(value, text.length < value.length ? `${text}…` : text);
    } else if (isJsonNumber(value)) {
      this.#numbers = widenedNumbers(this.#numbers, value);
      this.#seen(value, value);
    } else if (typeof value === 'boolean') {
      this.#seen(value, value);
    } else if (Array.isArray(value)) {
      this.#arrayLengths = widened(this.#arrayLengths, value.length);
    }
  }

  #seen(value: string | JsonNumber | boolean, shown: string | JsonNumber | boolean): void {
    this.#distinct ??= new DistinctCounter();
    // NUL, so that it does not count as the text that reads the same.
    const identity = value instanceof ExactNumber ? `\0${value.canonical}` : value;
    this.#distinct.add(hashScalar(identity));
    if (this.#examples.size >= examplesPerField) return;
    const example = shown instanceof ExactNumber ? identity : shown;
    if (!this.#examples.has(example)) this.#examples.set(example, shown);
  }

  /** @param events how many there were in all */
  profile(events: number): FieldProfile {
    const distinct = this.#distinct;
    return {
      path: this.path,
      events: this.#events,
      presence: events === 0 ? 0 : this.#events / events,
      values: this.#values,
      types: { ...this.#types },
      distinct: distinct && { count: distinct.count(), exact: distinct.exact },
      numbers: this.#numbers,
      texts: this.#texts,
      textLengths: this.#textLengths,
      arrayLengths: this.#arrayLengths,
      examples: [...this.#examples.values()],
    };
  }
}

function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (isJsonNumber(value)) return isInteger(value) ? 'integer' : 'number';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    default:
      return 'object';
  }
}

function widened<T extends number | string>(span: Span<T> | undefined, value: T): Span<T> {
  if (span === undefined) return { min: value, max: value };
  if (value < span.min) return { min: value, max: span.max };
  if (value > span.max) return { min: span.min, max: value };
  return span;
}

function widenedNumbers(span: Span<JsonNumber> | undefined, value: JsonNumber): Span<JsonNumber> {
  if (span === undefined) return { min: value, max: value };
  if (compareNumbers(value, span.min) < 0) return { min: value, max: span.max };
  if (compareNumbers(value, span.max) > 0) return { min: span.min, max: value };
  return span;
}

/** Not in the middle of a surrogate pair. */
function cut(text: string): string {
  const end = (text.codePointAt(shownCharacters - 1) ?? 0) > 0xffff ? shownCharacters - 1 : shownCharacters;
  return text.slice(0, end);
}

function charactersOf(text: string): number {
  let pairs = 0;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) pairs++;
  return text.length - pairs;
}
