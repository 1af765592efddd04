import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Draft, draftUris } from '../../core/schema/form/draft.js';

/** How ajv is used for a draft. */
export interface Dialect {
  readonly draft: Draft;
  /** Of its own schema. */
  readonly uri: string;
  /** A new ajv for one schema. */
  create(options: Options): Ajv;
  /** Checks a schema against the draft's own schema. */
  readonly meta: () => ValidateFunction;
}

export const dialects: Readonly<Record<Draft, Dialect>> = {
  // By the specification `$ref` silences its neighbours up to draft-07, and no longer afterwards.
  'draft-07': dialect('draft-07', (options) => new Ajv({ ...options, ignoreKeywordsWithRef: true })),
  '2019-09': dialect('2019-09', (options) => new Ajv2019(options)),
  '2020-12': dialect('2020-12', (options) => new Ajv2020(options)),
};

function dialect(draft: Draft, create: (options: Options) => Ajv): Dialect {
  let meta: ValidateFunction | undefined;
  const uri = draftUris[draft].replace('#', '');
  return {
    draft,
    uri,
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
