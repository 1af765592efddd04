import { _, type Ajv, type KeywordCxt } from 'ajv';
import { alwaysValidSchema, mergeEvaluated } from 'ajv/dist/compile/util.js';

/**
 * Replaces ajv's code for tuples: for an array that is shorter than its tuple, it skips the keywords that follow, such as `contains`,
 * `uniqueItems` and `additionalItems`.
 */
export function correctTuples(ajv: Ajv): void {
  for (const keyword of ['prefixItems', 'items']) {
    const definition = ajv.getKeyword(keyword);
    if (typeof definition !== 'object' || !('code' in definition) || definition.code === undefined) continue;
    const { code } = definition;
    definition.code = (cxt: KeywordCxt, ruleType?: string) => {
      const schema: unknown = cxt.schema;
      if (Array.isArray(schema)) tuple(cxt, schema);
      else code(cxt, ruleType);
    };
  }
}

function tuple(cxt: KeywordCxt, schemas: readonly unknown[]): void {
  const { gen, data, it, keyword } = cxt;
  if (it.opts.unevaluated === true && schemas.length > 0 && it.items !== true) {
    it.items = mergeEvaluated.items(gen, schemas.length, it.items);
  }
  const valid = gen.name('valid');
  const length = gen.const('len', _`${data}.length`);
  for (const [index, schema] of schemas.entries()) {
    if ((typeof schema !== 'object' && typeof schema !== 'boolean') || schema === null) continue;
    if (alwaysValidSchema(it, schema) === true) continue;
    gen.var(valid, true);
    gen.if(_`${length} > ${index}`, () => cxt.subschema({ keyword, schemaProp: index, dataProp: index }, valid));
    cxt.ok(valid);
  }
}
