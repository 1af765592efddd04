import { isJsonNumber, type JsonNumber } from '../numbers/exact-number.js';
import { isObject } from './json.js';
import type { AskedKeyword } from './text-oracle.js';

/** What a schema mentions, for asking the validator and for making examples. */
export interface Harvest {
  readonly asked: [AskedKeyword, unknown][];
  /** Texts and numbers of `enum`, `const`, `default` and `examples`. */
  readonly texts: Set<string>;
  readonly numbers: Set<JsonNumber>;
}

/** More of each would only slow the search down. */
const mostHints = 100;

export function harvest(schemas: readonly unknown[]): Harvest {
  const found: Harvest = { asked: [], texts: new Set(), numbers: new Set() };
  for (const schema of schemas) visit(schema, found);
  return found;
}

function visit(schema: unknown, found: Harvest): void {
  if (Array.isArray(schema)) {
    for (const item of schema) visit(item, found);
    return;
  }
  if (!isObject(schema)) return;
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'pattern' && typeof value === 'string') found.asked.push(['pattern', value]);
    else if (keyword === 'format' && typeof value === 'string') found.asked.push(['format', value]);
    else if (keyword === 'multipleOf' && isJsonNumber(value)) found.asked.push(['multipleOf', value]);
    else if (['enum', 'const', 'default', 'examples'].includes(keyword)) hint(value, found);
    else visit(value, found);
    if (keyword === 'patternProperties' && isObject(value)) {
      for (const source of Object.keys(value)) found.asked.push(['pattern', source]);
    }
  }
}

function hint(value: unknown, found: Harvest): void {
  if (typeof value === 'string' && found.texts.size < mostHints) found.texts.add(value);
  else if (isJsonNumber(value)) {
    if (found.numbers.size < mostHints) found.numbers.add(value);
  } else if (typeof value === 'object' && value !== null) for (const child of Object.values(value)) hint(child, found);
}
