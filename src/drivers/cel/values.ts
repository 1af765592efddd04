import { type CelInput, type CelMap, type CelUint, celList, celMap, celUint } from '@bufbuild/cel';
import { ExactNumber, integerText, type JsonNumber } from '../../core/numbers/exact-number.js';
import { takeSteps } from './meter.js';

/** All integers up to here are doubles. */
const mostExactDouble = 2 ** 53;
/** No integer of 64 bits has more digits. */
const mostDigits = 20;
const signed = { least: -(2n ** 63n), most: 2n ** 63n - 1n };
const unsigned = { most: 2n ** 64n - 1n };

/**
 * A number of JSON as one of CEL: a double, as long as that is exact for integers. Further out integers of up to 64 bits are ints, those above 2^63 - 1 uints, so
 * that they compare exactly with the integers of the filter. Other numbers are the double next to them.
 */
function toCelNumber(number: JsonNumber): CelInput {
  const near = Number(number);
  if (Math.abs(near) < mostExactDouble || Math.abs(near) > 2 ** 64) return near;
  const digits = integerText(number, mostDigits);
  if (digits === undefined || digits === 'too_long') return near;
  const integer = BigInt(digits);
  if (integer >= signed.least && integer <= signed.most) return integer;
  return integer > 0n && integer <= unsigned.most ? celUint(integer) : near;
}

/**
 * A value of JSON as one of CEL: objects are maps, and nothing below an object is touched before it is asked for. Whoever goes
 * through all of an array or an object takes steps for it.
 */
export function toCelInput(json: unknown): CelInput {
  switch (typeof json) {
    case 'string':
    case 'boolean':
      return json;
    case 'number':
      return toCelNumber(json);
    case 'object':
      if (json === null) return null;
      if (json instanceof ExactNumber) return toCelNumber(json);
      return Array.isArray(json) ? celList(MeteredArray.from(json, toCelInput)) : toMap(json);
    default:
      throw new TypeError(`${typeof json} is nothing of JSON`);
  }
}

type Key = bigint | string | boolean | CelUint;

function toMap(json: object): CelMap {
  const members = new Members(json);
  const map = celMap(members);
  // The library's own takes a member whose value is null for an absent one.
  map.has = (key) => typeof key === 'string' && members.has(key);
  return map;
}

export class MeteredArray<T> extends Array<T> {
  override values() {
    takeSteps(this.length);
    return super.values();
  }
}

/** The members of an object. Containers among them are made once. */
class Members implements ReadonlyMap<Key, CelInput> {
  readonly #json: object;
  readonly #made = new Map<Key, CelInput>();
  #all: Map<Key, CelInput> | undefined;

  constructor(json: object) {
    this.#json = json;
  }

  get(key: Key): CelInput | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#json, key)) return undefined;
    const value: unknown = Reflect.get(this.#json, key);
    if (typeof value !== 'object' || value === null) return toCelInput(value);
    let made = this.#made.get(key);
    if (made === undefined) {
      made = toCelInput(value);
      this.#made.set(key, made);
    }
    return made;
  }

  has(key: Key): boolean {
    return typeof key === 'string' && Object.hasOwn(this.#json, key);
  }

  get size(): number {
    return this.#whole().size;
  }

  keys() {
    return this.#whole().keys();
  }

  values() {
    return this.#whole().values();
  }

  entries() {
    return this.#whole().entries();
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  forEach(callback: (value: CelInput, key: Key, map: ReadonlyMap<Key, CelInput>) => void): void {
    this.#whole().forEach(callback);
  }

  #whole(): Map<Key, CelInput> {
    const names = Object.keys(this.#json);
    takeSteps(names.length);
    this.#all ??= new Map(names.map((name): [Key, CelInput] => [name, this.get(name) ?? null]));
    return this.#all;
  }
}
