import { Buffer } from 'node:buffer';
import { isCelError, parse, plan } from '@bufbuild/cel';
import { LRUCache } from 'lru-cache';
import { BusError } from '../../core/errors.js';
import type { FilterCompiler, RecordFilter, Undecided } from '../../core/ports/filter-compiler.js';
import { createVariables } from './candidate.js';
import { checkExpression, env, type Parsed } from './check.js';
import { filterInvalid, placeIn } from './invalid.js';
import { meterLoops } from './loops.js';
import { areStepsUsedUp, beginSteps, mostSteps } from './meter.js';
import { checkShape } from './shape.js';
import { syntaxMistake } from './syntax.js';

const mostBytes = 4 * 1024;
/** How many compiled filters are kept, for streams that bring the same one. */
const mostKept = 200;

/**
 * Filters in CEL, the Common Expression Language (https://github.com/google/cel-spec), over the variables in `candidate.ts`. Numbers of JSON
 * are doubles, which compare with ints and uints, and are computed with ints to doubles; integers from 2^53 to 64 bits are ints or uints.
 */
export function createCelCompiler(): FilterCompiler {
  const compiled = new LRUCache<string, RecordFilter>({ max: mostKept });
  return {
    compile(expression) {
      const known = compiled.get(expression);
      if (known) return known;
      const filter = compile(expression);
      compiled.set(expression, filter);
      return filter;
    },
  };
}

function compile(expression: string): RecordFilter {
  const bytes = Buffer.byteLength(expression);
  if (bytes > mostBytes) {
    throw new BusError('FILTER_INVALID', `the filter has ${bytes} bytes; at most ${mostBytes} are possible`);
  }
  try {
    checkShape(expression);
    const parsed = parse(expression);
    checkExpression(parsed);
    if (parsed.expr) meterLoops(parsed.expr);
    return createFilter(parsed, expression);
  } catch (error) {
    const { position, message } = syntaxMistake(expression, error);
    throw filterInvalid(expression, position, message);
  }
}

function createFilter(parsed: Parsed, expression: string): RecordFilter {
  const evaluate = plan(env, parsed);
  const variables = createVariables();

  function failed(message: string, exprId: bigint | undefined): Undecided {
    const position = exprId === undefined ? undefined : parsed.sourceInfo?.positions[String(exprId)];
    const place = position === undefined ? '' : ` (at ${placeIn(expression, Number(position))} of the filter)`;
    return { outcome: 'failed', message: `${message}${place}` };
  }

  return {
    matches(candidate) {
      variables.begin(candidate);
      beginSteps();
      try {
        const result = evaluate(variables.values);
        if (typeof result === 'boolean' && !areStepsUsedUp()) return result;
        if (areStepsUsedUp()) return { outcome: 'stopped', message: `it took more than ${mostSteps} steps` };
        if (isCelError(result)) return failed(result.message, result.exprId);
        return failed('the filter gives neither true nor false: compare what it gives with something', undefined);
      } catch (error) {
        return failed(error instanceof Error ? error.message : String(error), undefined);
      } finally {
        variables.end();
      }
    },
  };
}
