import { _, type Ajv, type KeywordCxt, Name, type SchemaObjCxt } from 'ajv';
import { not } from 'ajv/dist/compile/codegen/index.js';
import { alwaysValidSchema, setEvaluated } from 'ajv/dist/compile/util.js';

/** Keywords whose branches evaluate properties and items only where they pass. */
const conditional = ['anyOf', 'oneOf', 'dependencies', 'dependentSchemas', 'patternProperties'];

/**
 * Replaces how ajv keeps account of evaluated properties and items, for `unevaluatedProperties` and `unevaluatedItems`: it starts the account within
 * the first branch, so that what was evaluated before is lost where that branch fails, or takes a branch's own account for it, so that a
 * branch that fails counts.
 */
export function correctEvaluated(ajv: Ajv): void {
  for (const keyword of conditional) before(ajv, keyword, startAccount);
  before(ajv, 'unevaluatedItems', countItems);
  replace(ajv, 'if', conditionCode);
  // Contained items are not evaluated in 2019-09, and ajv takes all for evaluated; with 2020-12 the two are not accepted together.
  replace(ajv, 'contains', (cxt, code) => {
    const { items } = cxt.it;
    code(cxt);
    if (items === undefined) delete cxt.it.items;
    else cxt.it.items = items;
  });
}

type Code = (cxt: KeywordCxt, ruleType?: string) => void;

/** The keyword keeps its place: adding it again would move it behind those that build on it. */
function replace(ajv: Ajv, keyword: string, by: (cxt: KeywordCxt, code: Code) => void): void {
  const definition = ajv.getKeyword(keyword);
  if (typeof definition !== 'object' || !('code' in definition) || definition.code === undefined) return;
  const { code } = definition;
  definition.code = (cxt: KeywordCxt) => by(cxt, code);
}

function before(ajv: Ajv, keyword: string, generate: (cxt: KeywordCxt) => void): void {
  replace(ajv, keyword, (cxt, code) => {
    generate(cxt);
    code(cxt);
  });
}

function startAccount({ gen, it }: KeywordCxt): void {
  if (it.opts.unevaluated !== true) return;
  if (it.props !== true && !(it.props instanceof Name)) {
    // Not `{}`, which has a `constructor`.
    const props = gen.var('props', _`Object.create(null)`);
    if (it.props !== undefined) setEvaluated(gen, props, it.props);
    it.props = props;
  }
  if (it.items !== true && !(it.items instanceof Name)) it.items = gen.var('items', it.items ?? 0);
}

/** ajv compares a length with what may be `true`. */
function countItems({ gen, it, data }: KeywordCxt): void {
  if (it.items instanceof Name) gen.assign(it.items, _`${it.items} === true ? ${data}.length : (${it.items} || 0)`);
}

/** `if`, which evaluates something by itself, and only where it passes. */
function conditionCode(cxt: KeywordCxt): void {
  const { gen, it } = cxt;
  const clauses = (['then', 'else'] as const).filter((keyword) => asksSomething(it, keyword));
  if (clauses.length === 0 && it.opts.unevaluated !== true) return;
  startAccount(cxt);
  const valid = gen.let('valid', true);
  const passes = gen.name('_valid');
  const condition = cxt.subschema(
    { keyword: 'if', compositeRule: true, createErrors: false, allErrors: false },
    passes,
  );
  cxt.mergeValidEvaluated(condition, passes);
  cxt.reset();
  const failing = gen.let('ifClause');
  cxt.setParams({ ifClause: failing });
  for (const keyword of clauses) {
    const holds = gen.name('_valid');
    gen.if(keyword === 'then' ? passes : not(passes), () => {
      const clause = cxt.subschema({ keyword }, holds);
      gen.assign(valid, holds);
      cxt.mergeValidEvaluated(clause, holds);
      gen.assign(failing, _`${keyword}`);
    });
  }
  cxt.pass(valid, () => cxt.error(true));
}

function asksSomething(it: SchemaObjCxt, keyword: 'then' | 'else'): boolean {
  const schema: unknown = it.schema[keyword];
  if ((typeof schema !== 'object' && typeof schema !== 'boolean') || schema === null) return false;
  return alwaysValidSchema(it, schema) !== true;
}
