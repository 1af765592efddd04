import { type CelInput, type CelMap, type CelUint, celList, celMap } from '@bufbuild/cel';
import { takeSteps } from './meter.js';

/**
 * A value of JSON as one of CEL: numbers are doubles, objects are maps, and nothing below an object is touched before it is asked for. Whoever goes
 * through all of an array or an object takes steps for it.
 */
export function toCelInput(json: unknown): CelInput {
  switch (typeof json) {
    case 'string':
    case 'number':
    case 'boolean':
      return json;
    case 'object':
      if (json === null) return null;
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
