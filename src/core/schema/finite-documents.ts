import type { Literal } from './rules.js';
import type { Translator } from './translation.js';
import { anyType, valueTypes } from './value-types.js';

/** More are better reasoned about. */
const mostDocuments = 2_000;
const mostDepth = 64;

/**
 * Documents among which are all that keep a rule, where it lists them: then the validators themselves can decide. Undefined where it
 * does not.
 */
export function finiteDocuments(translator: Translator, literal: Literal, depth = 0): unknown[] | undefined {
  if (depth > mostDepth) return undefined;
  const rule = translator.book.rule(literal);
  switch (rule.kind) {
    case 'always':
      return literal < 0 ? [] : undefined;
    case 'schema':
      return finiteDocuments(translator, translator.expand(literal), depth + 1);
    case 'values':
      return literal > 0 && rule.values.size <= mostDocuments ? [...rule.values.values()] : undefined;
    case 'types': {
      const allowed = literal > 0 ? rule.mask : ~rule.mask;
      if ((allowed & ~(valueTypes.null | valueTypes.boolean) & anyType) !== 0) return undefined;
      return [
        ...((allowed & valueTypes.null) !== 0 ? [null] : []),
        ...((allowed & valueTypes.boolean) !== 0 ? [false, true] : []),
      ];
    }
    case 'all':
      return literal > 0 ? narrowest(translator, rule.parts, depth) : union(translator, rule.parts, depth);
    case 'one':
      return literal > 0
        ? union(
            translator,
            rule.parts.map((part) => -part),
            depth,
          )
        : undefined;
    default:
      return undefined;
  }
}

function narrowest(translator: Translator, parts: readonly Literal[], depth: number): unknown[] | undefined {
  for (const part of parts) {
    const found = finiteDocuments(translator, part, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of those parts that do not hold at least one. */
function union(translator: Translator, parts: readonly Literal[], depth: number): unknown[] | undefined {
  const documents: unknown[] = [];
  for (const part of parts) {
    const found = finiteDocuments(translator, -part, depth + 1);
    if (found === undefined || documents.length + found.length > mostDocuments) return undefined;
    documents.push(...found);
  }
  return documents;
}
