import { canonical, isObject } from '../json.js';
import type { Draft } from './draft.js';
import { refStandsAlone, schemaKeywords } from './keyword-kinds.js';
import { pointerTo } from './limits.js';
import type { ParsedSchema, SchemaObject } from './parse.js';

/** Relative references need something to be relative to. */
const documentUri = 'mainstem-document:///schema';

/** A part of a schema that has a name of its own, its `$id`; or the whole schema. */
export interface Resource {
  readonly uri: string;
  readonly root: Spot;
  /** What a fragment can name, `$dynamicAnchor` included. Undefined for a name that is there twice. */
  readonly anchors: Map<string, Spot | undefined>;
  readonly dynamicAnchors: Set<string>;
}

/** Where a schema stands. */
export interface Spot {
  readonly schema: unknown;
  /** JSON Pointer from the top. */
  readonly pointer: string;
  readonly resource: Resource;
}

/** Where a reference leads. */
export type Target =
  | Spot
  /** To another document, by this URI without its fragment. */
  | { readonly outside: string; readonly fragment: string }
  /** Nowhere, and why. */
  | { readonly nowhere: string };

/** All schemas that stand in a schema, and what references can name. */
export interface Resources {
  /** Every schema object, each before those that stand in it; those that only a reference makes one come last, once it was resolved. */
  readonly spots: ReadonlyMap<object, Spot>;
  readonly all: readonly Resource[];
  resolve(reference: string, from: Resource): Target;
}

export function findResources({ schema, draft }: ParsedSchema): Resources {
  const index = new Index(draft);
  index.open(schema);
  return index;
}

class Index implements Resources {
  readonly spots = new Map<object, Spot>();
  readonly all: Resource[] = [];
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  open(schema: SchemaObject | boolean): void {
    const id = isObject(schema) && typeof schema.$id === 'string' ? join(schema.$id, documentUri) : undefined;
    this.#visit(schema, '', this.#resource(schema, '', withoutFragment(id ?? documentUri)), true);
  }

  resolve(reference: string, from: Resource): Target {
    const at = reference.indexOf('#');
    const [path, fragment] = at < 0 ? [reference, ''] : [reference.slice(0, at), reference.slice(at + 1)];
    if (path === '') return this.#within(from, fragment);
    const uri = join(path, from.uri);
    if (uri === undefined) return { outside: path, fragment };
    const named = this.all.filter((resource) => resource.uri === uri);
    const [first] = named;
    if (first === undefined) return { outside: uri, fragment };
    if (named.includes(from)) return this.#within(from, fragment);
    const texts = new Set(named.map(({ root }) => canonical(root.schema)));
    if (texts.size > 1) return { nowhere: `is the $id of ${named.length} different schemas; give each its own` };
    return this.#within(first, fragment);
  }

  #within(resource: Resource, fragment: string): Target {
    if (fragment === '') return resource.root;
    if (fragment.startsWith('/')) return this.#follow(resource.root, fragment);
    const found = resource.anchors.get(fragment) ?? resource.anchors.get(decoded(fragment) ?? fragment);
    if (found !== undefined) return found;
    return { nowhere: resource.anchors.has(fragment) ? 'names two schemas; rename one of them' : 'leads nowhere' };
  }

  #follow(start: Spot, fragment: string): Target {
    let { schema, pointer, resource } = start;
    for (const token of fragment.slice(1).split('/')) {
      const name = decoded(token)?.replaceAll('~1', '/').replaceAll('~0', '~');
      if (name === undefined) return { nowhere: 'leads nowhere' };
      if (Array.isArray(schema)) schema = /^\d+$/.test(name) ? schema[Number(name)] : undefined;
      else schema = isObject(schema) && Object.hasOwn(schema, name) ? schema[name] : undefined;
      pointer = pointerTo(pointer, name);
      resource = (isObject(schema) ? this.spots.get(schema)?.resource : undefined) ?? resource;
    }
    if (typeof schema !== 'boolean' && !isObject(schema)) return { nowhere: 'leads nowhere' };
    // Behind a keyword that is none: a schema only because it is referred to.
    this.#visit(schema, pointer, resource);
    return { schema, pointer, resource };
  }

  #visit(schema: unknown, pointer: string, outer: Resource, isRoot = false): void {
    if (!isObject(schema) || this.spots.has(schema)) return;
    const silenced = !isRoot && refStandsAlone(this.#draft) && typeof schema.$ref === 'string';
    const resource = silenced || isRoot ? outer : this.#named(schema, pointer, outer);
    const spot = { schema, pointer, resource };
    this.spots.set(schema, spot);
    if (!silenced) this.#anchor(schema, spot);
    for (const [keyword, value] of Object.entries(schema)) {
      const at = pointerTo(pointer, keyword);
      if (schemaKeywords.mapped.has(keyword) && isObject(value)) {
        for (const [name, child] of Object.entries(value)) this.#visit(child, pointerTo(at, name), resource);
      } else if (schemaKeywords.listed.has(keyword) && Array.isArray(value)) {
        for (const [position, child] of value.entries()) this.#visit(child, pointerTo(at, position), resource);
      } else if (schemaKeywords.single.has(keyword)) this.#visit(value, at, resource);
    }
  }

  #named(schema: SchemaObject, pointer: string, outer: Resource): Resource {
    if (typeof schema.$id !== 'string' || (this.#draft === 'draft-07' && schema.$id.startsWith('#'))) return outer;
    const uri = join(schema.$id, outer.uri);
    return uri === undefined ? outer : this.#resource(schema, pointer, withoutFragment(uri));
  }

  #resource(schema: unknown, pointer: string, uri: string): Resource {
    const resource: Resource = {
      uri,
      get root() {
        return { schema, pointer, resource };
      },
      anchors: new Map(),
      dynamicAnchors: new Set(),
    };
    this.all.push(resource);
    return resource;
  }

  #anchor(schema: SchemaObject, spot: Spot): void {
    const { anchors, dynamicAnchors } = spot.resource;
    const add = (name: unknown) => {
      if (typeof name === 'string') anchors.set(name, anchors.has(name) ? undefined : spot);
    };
    if (this.#draft === 'draft-07') {
      if (typeof schema.$id === 'string' && schema.$id.startsWith('#')) add(schema.$id.slice(1));
      return;
    }
    add(schema.$anchor);
    if (this.#draft !== '2020-12' || typeof schema.$dynamicAnchor !== 'string') return;
    if (schema.$dynamicAnchor !== schema.$anchor) add(schema.$dynamicAnchor);
    dynamicAnchors.add(schema.$dynamicAnchor);
  }
}

function join(reference: string, base: string): string | undefined {
  try {
    return withoutEmptyFragment(new URL(reference, base).href);
  } catch {
    return undefined;
  }
}

function withoutEmptyFragment(uri: string): string {
  return uri.endsWith('#') ? uri.slice(0, -1) : uri;
}

function withoutFragment(uri: string): string {
  return uri.split('#')[0] ?? uri;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
