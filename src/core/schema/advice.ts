import { BusError } from '../errors.js';
import { didYouMean } from '../near-names.js';
import { asserting, keywords } from './form/keyword-kinds.js';
import { pointerTo } from './form/limits.js';
import { type ParsedSchema, parseSchema } from './form/parse.js';
import { findResources } from './form/resources.js';
import { assertedFormats } from './formats.js';
import { isObject } from './json.js';

/** More warnings are only counted. */
const mostWarnings = 20;
/** A longer name is no misspelt keyword. */
const longestName = 40;

/**
 * Finds what an author of a schema should know before it is registered: keywords that do not exist, which every draft ignores, and formats that are not
 * checked. Throws SCHEMA_HAS_NO_KEYWORD for a document that accepts everything because it holds no rule at all.
 *
 * @param allowAnything the author wants a schema without a rule
 */
export function adviseOn(definition: string, allowAnything: boolean): string[] {
  const parsed = parseSchema(definition);
  if (!allowAnything) refuseWithoutKeyword(parsed);
  const warnings: string[] = [];
  let more = 0;
  for (const { schema, pointer } of findResources(parsed).spots.values()) {
    if (!isObject(schema)) continue;
    for (const [keyword, value] of Object.entries(schema)) {
      const warning = warningAbout(keyword, value, pointer);
      if (warning === undefined) continue;
      if (warnings.length < mostWarnings) warnings.push(warning());
      else more++;
    }
  }
  return more === 0 ? warnings : [...warnings, `${more} more unknown keywords and unchecked formats`];
}

function warningAbout(keyword: string, value: unknown, pointer: string): (() => string) | undefined {
  const place = () => shown(pointerTo(pointer, keyword));
  // By convention a keyword of somebody's own, for other programs.
  if (!keywords.has(keyword) && !keyword.startsWith('x-')) {
    return () => `${place()}: JSON Schema has no such keyword, and ignores it.${suggestion(keyword, [...keywords])}`;
  }
  if (keyword !== 'format' || typeof value !== 'string' || assertedFormats.includes(value)) return undefined;
  return () =>
    `${place()}: the format ${shown(value)} is not checked; any value has it.${suggestion(value, assertedFormats)}`;
}

function suggestion(name: string, known: readonly string[]): string {
  return name.length > longestName ? '' : didYouMean(name, known, 1);
}

function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function refuseWithoutKeyword({ schema }: ParsedSchema): void {
  if (schema === false) return;
  const foreign = isObject(schema) ? foreignKind(schema) : undefined;
  if (foreign === undefined && isObject(schema) && Object.keys(schema).some((name) => asserting.has(name))) return;
  const what = foreign ?? (schema === true ? 'true' : withoutRule(schema));
  throw new BusError(
    'SCHEMA_HAS_NO_KEYWORD',
    `the schema would accept anything: it is ${what}; to register it as it is, allow that (allow_anything, --allow-anything, or "allowAnything": true in topic.json)`,
  );
}

function withoutRule(schema: object): string {
  const names = Object.keys(schema);
  if (names.length === 0) return '{}';
  const near = names
    .slice(0, mostWarnings)
    .filter((name) => !keywords.has(name))
    .map((name) => ({ name, hint: suggestion(name, [...asserting]) }))
    .find(({ hint }) => hint !== '');
  const hint = near === undefined ? '' : `; ${JSON.stringify(near.name)} is none.${near.hint}`;
  return `a document without any keyword that is a rule, such as type, properties or $ref${hint}`;
}

/** Documents of other languages that people take for schemas. */
function foreignKind(schema: Readonly<Record<string, unknown>>): string | undefined {
  const has = (name: string) => Object.hasOwn(schema, name);
  if (has('openapi') || has('swagger')) {
    return 'a whole OpenAPI document; register one of the schemas in it, with what that refers to';
  }
  if (has('asyncapi')) return 'a whole AsyncAPI document; register the payload schema of one message';
  const isAvro =
    (schema.type === 'record' && Array.isArray(schema.fields)) ||
    (schema.type === 'enum' && Array.isArray(schema.symbols)) ||
    (schema.type === 'fixed' && has('size')) ||
    (has('protocol') && Array.isArray(schema.types));
  return isAvro ? 'an Avro schema; write it as a JSON Schema' : undefined;
}
