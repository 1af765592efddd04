import { Buffer } from 'node:buffer';
import { BusError } from '../../errors.js';
import { writeExact } from '../../numbers/exact-json.js';
import { isObject, setMember } from '../json.js';
import type { Draft } from './draft.js';
import { invalidSchema, schemaLimits } from './limits.js';
import { asFragment, localize } from './localize.js';
import { type ParsedSchema, parseSchema } from './parse.js';
import { nameOf, placeIn, registeredSchema, type SchemaReference, schemaUri } from './registered.js';
import { findResources, type Resources, type Target } from './resources.js';

/** The text of a registered version, as it was registered or frozen; undefined where there is none. What it throws is passed on. */
type SchemaLookup = (reference: SchemaReference) => string | undefined | Promise<string | undefined>;

const freezeLimits = {
  /** Registered versions that one schema may include, directly or through others. */
  schemas: 64,
  /** How many may stand between. */
  depth: 16,
} as const;

/**
 * The registered versions that a schema refers to by `mainstem:///topics/<topic>/schemas/<version>`, each once. Throws SCHEMA_INVALID where the
 * text is no schema, or such a reference is malformed. Other references are not looked at: the compiler does.
 */
export function findReferences(definition: string): readonly SchemaReference[] {
  const parsed = parseSchema(definition);
  return [...outsideReferences(findResources(parsed)).values()];
}

/**
 * Resolves the references to registered versions, once and for all: the result includes them, directly or not, in its `$defs` (`definitions` in
 * draft-07), and refers to nothing else. A schema without such references comes back as it is. At most 64 versions are included, 16 deep,
 * and the result has at most 512 KiB.
 *
 * Throws SCHEMA_INVALID where a version does not exist, is of another draft, or leads back to itself, and where a limit is passed.
 */
export async function freezeReferences(definition: string, lookup: SchemaLookup): Promise<string> {
  const parsed = parseSchema(definition);
  const resources = findResources(parsed);
  if (outsideReferences(resources).size === 0 || !isObject(parsed.schema)) return definition;
  const container = parsed.draft === 'draft-07' ? 'definitions' : '$defs';
  const held = parsed.schema[container];
  const definitions = isObject(held) ? held : {};
  const included = new Included(lookup, parsed.draft, container, new Set(Object.keys(definitions)));
  await included.collect(resources, []);
  included.link(parsed, resources, '#');
  for (const { name, schema } of included.parts()) setMember(definitions, name, schema);
  setMember(parsed.schema, container, definitions);
  const frozen = writeExact(parsed.schema);
  const bytes = Buffer.byteLength(frozen);
  if (bytes > schemaLimits.bytes) {
    throw invalidSchema(
      '',
      `with the schemas that it refers to it has ${bytes} bytes; at most ${schemaLimits.bytes} are allowed`,
    );
  }
  return frozen;
}

/** By URI. */
function outsideReferences(resources: Resources): Map<string, SchemaReference & { readonly place: string }> {
  const found = new Map<string, SchemaReference & { readonly place: string }>();
  for (const { schema, pointer, resource } of resources.spots.values()) {
    if (!isObject(schema) || typeof schema.$ref !== 'string') continue;
    const target = resources.resolve(schema.$ref, resource);
    if (!('outside' in target) || found.has(target.outside)) continue;
    const place = `${pointer}/$ref`;
    const reference = registeredSchema(target.outside, place);
    if (reference !== undefined) found.set(target.outside, { ...reference, place });
  }
  return found;
}

interface Part extends ParsedSchema {
  readonly name: string;
  readonly resources: Resources;
}

class Included {
  readonly #parts = new Map<string, Part>();
  #bytes = 0;

  constructor(
    readonly lookup: SchemaLookup,
    readonly draft: Draft,
    readonly container: string,
    readonly taken: Set<string>,
  ) {}

  /** Looks up what a schema refers to, and what that refers to. */
  async collect(resources: Resources, trail: readonly string[]): Promise<void> {
    for (const [uri, { place, ...reference }] of outsideReferences(resources)) {
      // Inside of another version the place says nothing to whoever registers this one.
      const at = trail.length === 0 ? place : '';
      if (trail.includes(uri)) {
        throw invalidSchema(at, `the references lead back to where they came from: ${[...trail, uri].join(' -> ')}`);
      }
      if (this.#parts.has(uri)) continue;
      if (trail.length >= freezeLimits.depth) {
        throw invalidSchema(at, `registered schemas refer to each other more than ${freezeLimits.depth} deep`);
      }
      if (this.#parts.size >= freezeLimits.schemas) {
        throw invalidSchema(at, `it includes more than ${freezeLimits.schemas} registered schemas`);
      }
      const part = await this.#load(reference, at);
      this.#parts.set(uri, part);
      await this.collect(part.resources, [...trail, uri]);
    }
  }

  /** Makes a schema refer to what is included. */
  link(parsed: ParsedSchema, resources: Resources, prefix: string): void {
    localize(parsed, resources, { prefix, outside: (target, place) => this.#placeOf(target, place) });
  }

  *parts(): Generator<{ name: string; schema: unknown }> {
    for (const part of this.#parts.values()) {
      this.link(part, part.resources, `#${asFragment(placeIn(this.container, part.name))}`);
      if (isObject(part.schema)) delete part.schema.$schema;
      yield part;
    }
  }

  #placeOf({ outside, fragment }: Extract<Target, { outside: string }>, place: string): string | undefined {
    const part = this.#parts.get(outside);
    const top = part?.resources.all[0];
    if (part === undefined || top === undefined) return undefined;
    const target = part.resources.resolve(`#${fragment}`, top);
    if ('nowhere' in target || 'outside' in target) {
      throw invalidSchema(
        place,
        `the reference ${JSON.stringify(`${outside}#${fragment}`)} leads nowhere in that schema`,
      );
    }
    return `#${asFragment(placeIn(this.container, part.name) + target.pointer)}`;
  }

  async #load(reference: SchemaReference, place: string): Promise<Part> {
    const { topic, version } = reference;
    const text = await this.lookup(reference);
    const shown = JSON.stringify(schemaUri(reference));
    if (text === undefined) {
      throw invalidSchema(
        place,
        `the reference ${shown} leads nowhere: topic ${topic} has no schema version ${version}`,
      );
    }
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > schemaLimits.bytes) {
      throw invalidSchema(place, `the schemas that it refers to have more than ${schemaLimits.bytes} bytes together`);
    }
    const parsed = parsePart(text, place, shown);
    if (parsed.draft !== this.draft) {
      const drafts = `is of ${parsed.draft}, and this one of ${this.draft}; they must be of one draft`;
      throw invalidSchema(place, `the schema that the reference ${shown} leads to ${drafts}`);
    }
    return { ...parsed, name: this.#freeName(nameOf(reference)), resources: findResources(parsed) };
  }

  #freeName(wanted: string): string {
    let name = wanted;
    while (this.taken.has(name)) name += '_';
    this.taken.add(name);
    return name;
  }
}

function parsePart(text: string, place: string, shown: string): ParsedSchema {
  try {
    return parseSchema(text);
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    throw invalidSchema(
      place,
      `the schema that the reference ${shown} leads to cannot be used: ${error.message}`,
      error,
    );
  }
}
