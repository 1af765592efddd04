import type { Expr } from './check.js';
import { stepName } from './functions.js';

/**
 * Lets each loop of an expression take steps before each round, as many as its condition and its body have parts: what is looped over may be long, and the
 * body too. Changes the expression.
 */
export function meterLoops(at: Expr): void {
  childrenOf(at).forEach(meterLoops);
  if (at.exprKind.case !== 'comprehensionExpr') return;
  const loop = at.exprKind.value;
  const { loopCondition, loopStep } = loop;
  if (!loopCondition || !loopStep) return;
  const parts = partsOf(loopCondition) + partsOf(loopStep);
  const step = callOf(at.id, stepName, [constantOf(at.id, parts)]);
  loop.loopCondition = callOf(at.id, '_&&_', [step, loopCondition]);
}

/** How many parts are evaluated in one round. Loops within count for themselves. */
function partsOf(at: Expr): number {
  return childrenOf(at).reduce((sum, child) => sum + partsOf(child), 1);
}

function childrenOf({ exprKind }: Expr): Expr[] {
  switch (exprKind.case) {
    case 'selectExpr':
      return all(exprKind.value.operand);
    case 'callExpr':
      return all(exprKind.value.target, ...exprKind.value.args);
    case 'listExpr':
      return exprKind.value.elements;
    case 'structExpr':
      return exprKind.value.entries.flatMap(({ keyKind, value }) =>
        all(keyKind.case === 'mapKey' ? keyKind.value : undefined, value),
      );
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return all(iterRange, accuInit, loopCondition, loopStep, result);
    }
    default:
      return [];
  }
}

function all(...exprs: readonly (Expr | undefined)[]): Expr[] {
  return exprs.filter((each) => each !== undefined);
}

function callOf(id: bigint, name: string, args: Expr[]): Expr {
  const call = { $typeName: 'cel.expr.Expr.Call', function: name, args } as const;
  return { $typeName: 'cel.expr.Expr', id, exprKind: { case: 'callExpr', value: call } };
}

function constantOf(id: bigint, value: number): Expr {
  const constantKind = { case: 'int64Value', value: BigInt(value) } as const;
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } },
  };
}
