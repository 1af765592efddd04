import { randomInt } from 'node:crypto';
import { ExactNumber, type JsonNumber } from '../../core/numbers/exact-number.js';
import { isObject } from '../../core/schema/json.js';

/** Every stand-in is at least this far from 0, so that the code for ordinary numbers finds out by one comparison. */
export const leastStandIn = 2 ** 51;

const integers = 2 ** 1000;
const integerStep = 2 ** 948;
const fractions = leastStandIn + 0.5;
/** Counting begins at a place that nobody knows: a number of a document is a stand-in by chance once in 2^48 times. */
const secretStart = randomInt(2 ** 48 - 1);

/**
 * Doubles for numbers that no double holds, because ajv only knows doubles. Equal numbers have one stand-in and others have another, and a stand-in is an integer,
 * or negative, where its number is: so `type`, `enum`, `const`, `uniqueItems` work by themselves. Keywords that compare or divide ask for the number.
 */
export class StandIns {
  readonly #byText = new Map<string, number>();
  readonly #numbers = new Map<number, ExactNumber>();
  /** Of the document that is being validated. */
  #entered: [text: string, standIn: number][] = [];
  #next = secretStart;
  #firstEntered = secretStart;

  /** Replaces the numbers of a schema, in place, for good. Whether there are any. */
  replaceConstants(schema: unknown): boolean {
    this.#replaceIn(schema);
    this.#entered = [];
    return this.#numbers.size > 0;
  }

  #replaceIn(schema: unknown): void {
    if (typeof schema !== 'object' || schema === null) return;
    for (const key of Object.keys(schema)) {
      const value: unknown = Reflect.get(schema, key);
      if (value instanceof ExactNumber) Reflect.set(schema, key, this.#standInFor(value));
      else this.#replaceIn(value);
    }
  }

  /** The document with stand-ins; itself where it needs none. They last until `leave`. */
  enter(document: unknown): unknown {
    this.#entered = [];
    this.#firstEntered = this.#next;
    return this.#replaced(document);
  }

  leave(): void {
    for (const [text, standIn] of this.#entered) {
      this.#byText.delete(text);
      this.#numbers.delete(standIn);
    }
    this.#next = this.#firstEntered;
    this.#entered = [];
  }

  /** The number behind a double. */
  numberOf(double: number): JsonNumber {
    if (double < leastStandIn && double > -leastStandIn) return double;
    return this.#numbers.get(double) ?? double;
  }

  /** A value with the numbers that its doubles stand for. */
  shown(value: unknown): unknown {
    if (typeof value === 'number') return this.numberOf(value);
    if (Array.isArray(value)) return value.map((item) => this.shown(item));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.shown(member)]));
  }

  #standInFor(number: ExactNumber): number {
    const text = number.canonical;
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const count = this.#next++;
    const size = number.isInteger ? integers + count * integerStep : fractions + count;
    const standIn = number.negative ? -size : size;
    this.#byText.set(text, standIn);
    this.#entered.push([text, standIn]);
    this.#numbers.set(standIn, number);
    return standIn;
  }

  #replaced(value: unknown): unknown {
    if (value instanceof ExactNumber) return this.#standInFor(value);
    if (typeof value !== 'object' || value === null) return value;
    let copy: object | undefined;
    for (const key of Object.keys(value)) {
      const member: unknown = Reflect.get(value, key);
      const replaced = this.#replaced(member);
      if (replaced === member) continue;
      copy ??= Array.isArray(value) ? [...value] : copyOf(value);
      Reflect.set(copy, key, replaced);
    }
    return copy ?? value;
  }
}

/** Own members, one called `__proto__` among them. */
function copyOf(value: object): object {
  return Object.defineProperties({}, Object.getOwnPropertyDescriptors(value));
}
