import { type CelEnv, type CelFunc, celEnv, type parse } from '@bufbuild/cel';
import { functions } from './functions.js';
import { FilterMistake } from './invalid.js';
import { wrongPattern } from './patterns.js';

export type Parsed = ReturnType<typeof parse>;
export type Expr = NonNullable<Parsed['expr']>;
type Kind<K extends NonNullable<Expr['exprKind']['case']>> = Extract<Expr['exprKind'], { case: K }>['value'];

/** How deep `all`, `exists`, `map` and so on may stand in each other: each multiplies the cost. */
const deepestLoops = 3;

export const env: CelEnv = celEnv({ funcs: [...functions] });

/** What an expression may name, and what is no text, number and so on by itself. */
const variables: Readonly<Record<string, string>> = {
  payload: 'dyn',
  key: 'a key',
  headers: 'a map',
  topic: 'a string',
  partition: 'an int',
  offset: 'an int',
  time: 'a timestamp',
  id: 'a string',
  source: 'a string',
  type: 'a string',
  subject: 'a string',
  attributes: 'a map',
};
const typeNames = new Set(['int', 'uint', 'double', 'bool', 'string', 'bytes', 'list', 'map', 'null_type', 'type']);
/** What the evaluator does by itself. */
const operators = new Set(['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false']);
const macros: Readonly<Record<string, string>> = {
  has: 'has takes a field, as in has(payload.age)',
  all: 'all takes a name and a condition, as in payload.items.all(i, i.price > 0)',
  exists: "exists takes a name and a condition, as in payload.tags.exists(t, t == 'new')",
  exists_one: "exists_one takes a name and a condition, as in payload.tags.exists_one(t, t == 'new')",
  map: 'map takes a name and an expression, as in payload.items.map(i, i.price)',
  filter: 'filter takes a name and a condition, as in payload.items.filter(i, i.price > 0)',
};

/**
 * Finds what can be known to be wrong before there is a record: names and functions that do not exist, patterns that are none, loops that are
 * nested too deep, a result that is not true or false. Throws a FilterMistake.
 */
export function checkExpression({ expr, sourceInfo }: Parsed): void {
  const positionOf = ({ id }: Expr) => Number(sourceInfo?.positions[String(id)] ?? 0);
  const refuse = (at: Expr, what: string) => new FilterMistake(positionOf(at), what);

  function visit(at: Expr | undefined, names: ReadonlySet<string>, loops: number): void {
    if (!at) return;
    const { exprKind } = at;
    const go = (child: Expr | undefined) => visit(child, names, loops);
    switch (exprKind.case) {
      case 'identExpr':
        checkName(at, exprKind.value.name, names);
        break;
      case 'selectExpr':
        go(exprKind.value.operand);
        break;
      case 'callExpr':
        checkCall(at, exprKind.value);
        go(exprKind.value.target);
        exprKind.value.args.forEach(go);
        break;
      case 'listExpr':
        exprKind.value.elements.forEach(go);
        break;
      case 'structExpr':
        if (exprKind.value.messageName !== '') throw refuse(at, 'a filter makes no messages');
        for (const { keyKind, value } of exprKind.value.entries) {
          if (keyKind.case === 'mapKey') go(keyKind.value);
          go(value);
        }
        break;
      case 'comprehensionExpr': {
        if (loops === deepestLoops) {
          throw refuse(
            at,
            `all, exists, exists_one, map and filter may stand in each other ${deepestLoops} deep, not more`,
          );
        }
        const { iterRange, accuInit, loopCondition, loopStep, result, iterVar, accuVar } = exprKind.value;
        const inner = new Set([...names, iterVar, accuVar]);
        visit(iterRange, names, loops);
        visit(accuInit, names, loops);
        for (const part of [loopCondition, loopStep, result]) visit(part, inner, loops + 1);
        break;
      }
      default:
    }
  }

  function checkName(at: Expr, name: string, names: ReadonlySet<string>): void {
    const plain = name.replace(/^\./, '');
    if (Object.hasOwn(variables, plain) || names.has(name) || typeNames.has(plain)) return;
    throw refuse(at, `there is no ${name}; there are ${Object.keys(variables).join(', ')}`);
  }

  function checkCall(at: Expr, { function: name, target, args }: Kind<'callExpr'>): void {
    if (operators.has(name)) return;
    const macro = Object.hasOwn(macros, name) ? macros[name] : undefined;
    if (macro !== undefined) throw refuse(at, macro);
    const overloads = [...(env.funcs.find(name) ?? [])];
    if (overloads.length === 0) throw refuse(at, `there is no function ${name}`);
    const isMethod = target !== undefined;
    if (!overloads.some((each) => (each.target !== undefined) === isMethod && each.arguments.length === args.length)) {
      throw refuse(at, usageOf(name, overloads));
    }
    if (name === 'matches') checkPattern(at, args[0]);
  }

  function checkPattern(at: Expr, pattern: Expr | undefined): void {
    const constant = pattern?.exprKind.case === 'constExpr' ? pattern.exprKind.value.constantKind : undefined;
    if (!pattern || constant?.case !== 'stringValue')
      throw refuse(at, 'matches takes a pattern that stands in the filter');
    const wrong = wrongPattern(constant.value);
    if (wrong !== undefined) throw refuse(pattern, wrong);
  }

  if (!expr) throw new FilterMistake(0, 'it is empty');
  visit(expr, new Set(), 0);
  const type = typeOf(expr);
  if (type !== undefined && type !== 'a bool') throw refuse(expr, `it gives ${type}, where true or false is needed`);
}

function usageOf(name: string, overloads: readonly CelFunc[]): string {
  const forms = overloads.map(({ target, arguments: parameters }) => {
    const list = parameters.map((type) => type.name).join(', ');
    return target ? `<${target.name}>.${name}(${list})` : `${name}(${list})`;
  });
  return `${name} is called as ${[...new Set(forms)].slice(0, 4).join(' or ')}`;
}

/** What an expression gives, where that can be seen; undefined where only a record tells. */
function typeOf({ exprKind }: Expr): string | undefined {
  switch (exprKind.case) {
    case 'constExpr': {
      const kind = exprKind.value.constantKind.case ?? '';
      return article(kind.replace(/(64)?Value$/, ''));
    }
    case 'listExpr':
      return 'a list';
    case 'structExpr':
      return 'a map';
    case 'identExpr': {
      const name = exprKind.value.name.replace(/^\./, '');
      const type = variables[name];
      return type === 'dyn' ? undefined : (type ?? 'a type');
    }
    case 'comprehensionExpr':
      return exprKind.value.accuInit && typeOf(exprKind.value.accuInit) === 'a list' ? 'a list' : undefined;
    case 'callExpr': {
      const { function: name, args } = exprKind.value;
      if (name === '_?_:_')
        return args
          .slice(1)
          .map(typeOf)
          .find((type) => type !== 'a bool');
      const results = new Set([...(env.funcs.find(name) ?? [])].map(({ result }) => result.name));
      const [only] = results;
      if (only === undefined || results.has('dyn') || (results.has('bool') && results.size > 1)) return undefined;
      return results.size === 1 ? article(only) : 'a number, a text or the like';
    }
    default:
      return undefined;
  }
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}
