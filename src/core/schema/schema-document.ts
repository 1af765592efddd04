import { BusError } from '../errors.js';
import { parseJsonText } from '../json-text.js';
import { canonical, isObject } from './json.js';
import { refStandsAlone, schemaKeywords } from './keyword-kinds.js';
import type { Draft, Reading, SchemaDocument } from './rules.js';

/** Relative references need something to be relative to. */
const documentUri = 'mainstem-document:///schema';

/** Parses a schema that the compiler has accepted. Throws SCHEMA_INVALID where it is not JSON. */
export function openSchema(definition: string, reading: Reading): SchemaDocument {
  const schema = parse(definition);
  const draft = draftOf(schema);
  const index = new Index(draft);
  index.open(schema);
  let text: string | undefined;
  const document: SchemaDocument = {
    draft,
    reading,
    get root() {
      return { document, schema, base: index.baseOf(schema) ?? documentUri };
    },
    get text() {
      text ??= canonical(schema);
      return text;
    },
    resolve(reference, from) {
      const found = index.resolve(reference, from.base, schema);
      return found && { document, ...found };
    },
    baseOf: (place) => index.baseOf(place),
    leadsOnlyTo(keyword, reference, found) {
      // Elsewhere the validator takes the schema that it is just compiling for the target.
      if (index.resources.size !== 1 || found.schema !== schema) return false;
      const anchors =
        keyword === '$recursiveRef' ? index.recursiveAnchors : index.dynamicAnchors.get(reference.replace(/^#/, ''));
      return anchors !== undefined && anchors.length > 0 && anchors.every((anchor) => anchor === schema);
    },
  };
  return document;
}

function parse(definition: string): unknown {
  try {
    return parseJsonText(definition);
  } catch (error) {
    throw new BusError('SCHEMA_INVALID', `the schema is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

function draftOf(schema: unknown): Draft {
  const stated = isObject(schema) && typeof schema.$schema === 'string' ? schema.$schema : '';
  if (stated.includes('draft-07')) return 'draft-07';
  return stated.includes('2019-09') ? '2019-09' : '2020-12';
}

interface Found {
  readonly schema: unknown;
  readonly base: string;
}

const ambiguous = Symbol('ambiguous');

/** Everything in a document that a reference can name. */
class Index {
  readonly bases = new Map<object, string>();
  readonly resources = new Map<string, unknown>();
  readonly anchors = new Map<string, unknown>();
  readonly dynamicAnchors = new Map<string, unknown[]>();
  readonly recursiveAnchors: unknown[] = [];
  /** There are identifiers where no schema stands: implementations differ in what they make of them. */
  #strayIdentifiers = false;
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** The whole document: its `$id` names it, where it has one. */
  open(root: unknown): void {
    const id = isObject(root) && typeof root.$id === 'string' ? join(root.$id, documentUri) : undefined;
    if (isObject(root) && refStandsAlone(this.#draft) && root.$ref !== undefined && id !== undefined) {
      this.#strayIdentifiers = true;
    }
    const base = withoutFragment(id ?? documentUri);
    this.resources.set(base, root);
    this.#visit(root, base, base);
  }

  #visit(schema: unknown, outer: string, own?: string): void {
    if (!isObject(schema) || this.bases.has(schema)) return;
    const silenced = refStandsAlone(this.#draft) && typeof schema.$ref === 'string';
    const base = own ?? (silenced ? outer : this.#base(schema, outer));
    this.bases.set(schema, base);
    if (!silenced) this.#anchor(schema, base);
    for (const [keyword, value] of Object.entries(schema)) this.#visitKeyword(keyword, value, base);
  }

  #visitKeyword(keyword: string, value: unknown, base: string): void {
    if (schemaKeywords.mapped.has(keyword) && isObject(value)) {
      for (const child of Object.values(value)) this.#visit(child, base);
    } else if (schemaKeywords.listed.has(keyword) && Array.isArray(value)) {
      for (const child of value) this.#visit(child, base);
    } else if (schemaKeywords.single.has(keyword)) this.#visit(value, base);
    else if (hasIdentifier(value)) this.#strayIdentifiers = true;
  }

  #base(schema: Record<string, unknown>, outer: string): string {
    if (typeof schema.$id !== 'string') return outer;
    const uri = join(schema.$id, outer);
    if (uri === undefined) {
      this.#strayIdentifiers = true;
      return outer;
    }
    if (this.#draft === 'draft-07' && schema.$id.startsWith('#')) {
      register(this.anchors, uri, schema);
      return outer;
    }
    register(this.resources, withoutFragment(uri), schema);
    return withoutFragment(uri);
  }

  #anchor(schema: Record<string, unknown>, base: string): void {
    if (this.#draft === 'draft-07') return;
    if (typeof schema.$anchor === 'string') register(this.anchors, join(`#${schema.$anchor}`, base), schema);
    if (schema.$recursiveAnchor === true) this.recursiveAnchors.push(schema);
    const dynamic = schema.$dynamicAnchor;
    if (typeof dynamic !== 'string' || this.#draft !== '2020-12') return;
    register(this.anchors, join(`#${dynamic}`, base), schema);
    this.dynamicAnchors.set(dynamic, [...(this.dynamicAnchors.get(dynamic) ?? []), schema]);
  }

  resolve(reference: string, base: string, root: unknown): Found | undefined {
    if (this.#strayIdentifiers && !/^#(\/|$)/.test(reference)) return undefined;
    if (reference === '#' && this.resources.size === 1) return { schema: root, base };
    const uri = join(reference, base);
    if (uri === undefined) return undefined;
    const fragment = uri.includes('#') ? uri.slice(uri.indexOf('#') + 1) : '';
    if (fragment !== '' && !fragment.startsWith('/')) return this.#found(this.anchors.get(uri));
    const resource = this.resources.get(withoutFragment(uri));
    if (resource === ambiguous) return undefined;
    return fragment === '' ? this.#found(resource) : this.#follow(resource, fragment);
  }

  baseOf(schema: unknown): string | undefined {
    return isObject(schema) ? this.bases.get(schema) : undefined;
  }

  #found(schema: unknown): Found | undefined {
    const base = this.baseOf(schema);
    return base === undefined ? undefined : { schema, base };
  }

  #follow(resource: unknown, fragment: string): Found | undefined {
    let schema = resource;
    let base = this.#found(resource)?.base;
    for (const token of fragment.slice(1).split('/')) {
      const name = unescapeToken(token);
      if (name === undefined) return undefined;
      if (Array.isArray(schema)) schema = /^\d+$/.test(name) ? schema[Number(name)] : undefined;
      else schema = isObject(schema) && Object.hasOwn(schema, name) ? schema[name] : undefined;
      base = this.#found(schema)?.base ?? base;
    }
    if (base === undefined || (typeof schema !== 'boolean' && !isObject(schema))) return undefined;
    if (isObject(schema) && !this.bases.has(schema)) {
      // Behind a keyword that is none: a schema only because it is referred to.
      if (hasIdentifier(schema)) return undefined;
      this.#visit(schema, base);
    }
    return { schema, base };
  }
}

function register(names: Map<string, unknown>, uri: string | undefined, schema: unknown): void {
  if (uri !== undefined) names.set(uri, names.has(uri) && names.get(uri) !== schema ? ambiguous : schema);
}

function hasIdentifier(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([name, child]) =>
      (/^\$(id|anchor|dynamicAnchor)$/.test(name) && typeof child === 'string') || hasIdentifier(child),
  );
}

function join(reference: string, base: string): string | undefined {
  try {
    const uri = new URL(reference, base).href;
    return uri.endsWith('#') ? uri.slice(0, -1) : uri;
  } catch {
    return undefined;
  }
}

function withoutFragment(uri: string): string {
  return uri.split('#')[0] ?? uri;
}

function unescapeToken(token: string): string | undefined {
  try {
    return decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return undefined;
  }
}
