import { isObject } from '../json.js';
import { invalidSchema } from './limits.js';

/** The versions of JSON Schema that are supported. */
export type Draft = 'draft-07' | '2019-09' | '2020-12';

/** What `$schema` says for each, as the drafts write it. */
export const draftUris: Readonly<Record<Draft, string>> = {
  'draft-07': 'http://json-schema.org/draft-07/schema#',
  '2019-09': 'https://json-schema.org/draft/2019-09/schema',
  '2020-12': 'https://json-schema.org/draft/2020-12/schema',
};

const drafts: ReadonlyMap<string, Draft> = new Map<string, Draft>([
  ['json-schema.org/draft-07/schema', 'draft-07'],
  ['json-schema.org/draft/2019-09/schema', '2019-09'],
  ['json-schema.org/draft/2020-12/schema', '2020-12'],
]);

/** The draft that a URI names, with http or https, with or without `#`. */
export function draftNamed(uri: string): Draft | undefined {
  return drafts.get(uri.replace(/^https?:\/\//, '').replace(/#$/, ''));
}

/** The draft that `$schema` names; 2020-12 where it is absent. Throws SCHEMA_INVALID for another one. */
export function draftOf(schema: unknown): Draft {
  if (!isObject(schema) || schema.$schema === undefined) return '2020-12';
  const stated = schema.$schema;
  const found = typeof stated === 'string' ? draftNamed(stated) : undefined;
  if (found !== undefined) return found;
  const supported = Object.values(draftUris).map((uri) => JSON.stringify(uri));
  throw invalidSchema(
    '/$schema',
    `${JSON.stringify(stated).slice(0, 200)} is not a draft that is supported. Supported are ` +
      `${supported.slice(0, -1).join(', ')} and ${supported.at(-1)}; without $schema the last one applies.`,
  );
}
