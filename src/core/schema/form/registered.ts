import { invalidSchema, pointerTo } from './limits.js';

/** One version of a topic's schema, which another schema refers to. */
export interface SchemaReference {
  readonly topic: string;
  readonly version: number;
}

const form = 'mainstem:///topics/<topic>/schemas/<version>';
const pattern = /^mainstem:\/\/\/topics\/([a-zA-Z0-9._-]{1,249})\/schemas\/([1-9]\d{0,8})$/;

/** The stable URI by which schemas refer to a version. */
export function schemaUri({ topic, version }: SchemaReference): string {
  return `mainstem:///topics/${topic}/schemas/${version}`;
}

/** What a URI names; undefined where it is of another kind. Throws SCHEMA_INVALID for one that is nearly of this kind. */
export function registeredSchema(uri: string, place: string): SchemaReference | undefined {
  if (!uri.startsWith('mainstem:')) return undefined;
  const [, topic, version] = pattern.exec(uri) ?? [];
  if (topic !== undefined && version !== undefined) return { topic, version: Number(version) };
  const why = uri.endsWith('/schemas/latest') ? ': a reference is frozen, so it names a version' : '';
  throw invalidSchema(place, `the reference ${JSON.stringify(uri.slice(0, 200))} is not of the form ${form}${why}`);
}

/** The name under which a version stands in a schema that includes it. */
export function nameOf({ topic, version }: SchemaReference): string {
  return `${topic}@${version}`;
}

/** Where it stands. */
export function placeIn(container: string, name: string): string {
  return pointerTo(pointerTo('', container), name);
}
