import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { isObject } from './json.js';
import { invalidSchema } from './limits.js';

/** A version of JSON Schema. */
export interface Draft {
  readonly name: string;
  /** Of its own schema. */
  readonly uri: string;
  /** Whether `$ref` silences its neighbours. */
  readonly refStandsAlone: boolean;
  /** A new ajv for one schema: schemas must not see each other's `$id`s. */
  create(options: Options): Ajv;
  /** Checks a schema against the draft's own schema. */
  readonly meta: () => ValidateFunction;
}

const draft07 = draft('draft-07', 'http://json-schema.org/draft-07/schema', (options) => {
  // By the specification `$ref` silences its neighbours up to draft-07, and no longer afterwards.
  return new Ajv({ ...options, ignoreKeywordsWithRef: true });
});
const draft2019 = draft('draft 2019-09', 'https://json-schema.org/draft/2019-09/schema', (o) => new Ajv2019(o));
const draft2020 = draft('draft 2020-12', 'https://json-schema.org/draft/2020-12/schema', (o) => new Ajv2020(o));

const byUri = new Map<string, Draft>([
  ['json-schema.org/draft-07/schema', draft07],
  ['json-schema.org/draft/2019-09/schema', draft2019],
  ['json-schema.org/draft/2020-12/schema', draft2020],
]);

/** The draft that `$schema` names, with http or https, with or without `#`; 2020-12 where it is absent. */
export function draftOf(schema: unknown): Draft {
  if (!isObject(schema) || schema.$schema === undefined) return draft2020;
  const stated = schema.$schema;
  const found =
    typeof stated === 'string' ? byUri.get(stated.replace(/^https?:\/\//, '').replace(/#$/, '')) : undefined;
  if (found !== undefined) return found;
  const shown = JSON.stringify(stated).slice(0, 200);
  throw invalidSchema(
    '/$schema',
    `${shown} is not a draft that is supported. Supported are ` +
      '"http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema" and ' +
      '"https://json-schema.org/draft/2020-12/schema"; without $schema the last one applies.',
  );
}

function draft(name: string, uri: string, create: (options: Options) => Ajv): Draft {
  let meta: ValidateFunction | undefined;
  return {
    name,
    uri,
    // By the specification: up to draft-07, and no longer afterwards.
    refStandsAlone: name === 'draft-07',
    create,
    meta: () => {
      if (meta === undefined) {
        const found = create({ strict: false, logger: false, validateFormats: false }).getSchema(uri);
        if (found === undefined) throw new Error(`ajv lacks the meta-schema ${uri}`);
        meta = found;
      }
      return meta;
    },
  };
}
