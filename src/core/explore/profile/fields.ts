import { ExactNumber } from '../../numbers/exact-number.js';
import { Field, type FieldProfile } from './field.js';

export const fieldLimits = {
  /** Paths that are followed. */
  paths: 1_000,
  /** How deep. */
  depth: 32,
  /** The longest path, and so the longest name, in characters. */
  pathLength: 1_000,
} as const;

/** How many values are looked at between two looks at the clock. */
const valuesPerLook = 64;

/** A part of a document whose members are still to be looked at. */
interface Open {
  readonly field: Field;
  readonly depth: number;
  readonly values: readonly unknown[];
  /** Of an object: theirs. */
  readonly names: readonly string[] | undefined;
  at: number;
}

/** The paths of the documents that were added, with what stands there. */
export class Fields {
  readonly #root = new Field('');
  readonly #all: Field[] = [this.#root];
  #events = 0;
  #left = 0;

  /** How many values stand at places that were not followed, because there are too many of them, too deep, or too long. */
  get left(): number {
    return this.#left;
  }

  /**
   * Looks at a document, all of it, in pieces: whoever iterates decides when it goes on. By hand rather than by recursion, since one document may have
   * millions of values.
   */
  *add(document: unknown): Generator<void> {
    const event = this.#events++;
    const open: Open[] = [];
    this.#enter(this.#root, document, event, 0, open);
    for (let looked = 1; open.length > 0; looked++) {
      const top = open[open.length - 1];
      if (top === undefined) break;
      if (top.at >= top.values.length) {
        open.pop();
        continue;
      }
      const name = top.names?.[top.at];
      const value = top.values[top.at++];
      const field = name === undefined ? this.#elementsOf(top) : this.#propertyOf(top, name);
      if (field === undefined) this.#left++;
      else this.#enter(field, value, event, top.depth + 1, open);
      if (looked % valuesPerLook === 0) yield;
    }
  }

  /** In the order in which they were met, each followed by what is in it. */
  profiles(): FieldProfile[] {
    const found: FieldProfile[] = [];
    const walk = (field: Field): void => {
      found.push(field.profile(this.#events));
      for (const property of field.properties.values()) walk(property);
      if (field.elements) walk(field.elements);
    };
    walk(this.#root);
    return found;
  }

  #enter(field: Field, value: unknown, event: number, depth: number, open: Open[]): void {
    field.add(value, event);
    if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return;
    if (Array.isArray(value)) open.push({ field, depth, values: value, names: undefined, at: 0 });
    else open.push({ field, depth, values: Object.values(value), names: Object.keys(value), at: 0 });
  }

  #elementsOf({ field, depth }: Open): Field | undefined {
    field.elements ??= this.#make(`${field.path}/*`, depth);
    return field.elements;
  }

  #propertyOf({ field, depth }: Open, name: string): Field | undefined {
    const known = field.properties.get(name);
    if (known) return known;
    if (name.length > fieldLimits.pathLength) return undefined;
    const made = this.#make(`${field.path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth);
    if (made) field.properties.set(name, made);
    return made;
  }

  #make(path: string, depth: number): Field | undefined {
    const full = this.#all.length >= fieldLimits.paths || depth >= fieldLimits.depth;
    if (full || path.length > fieldLimits.pathLength) return undefined;
    const field = new Field(path);
    this.#all.push(field);
    return field;
  }
}
