import { isObject } from '../json.js';
import { endlessReference } from './in-place.js';
import { invalidSchema } from './limits.js';
import { localize } from './localize.js';
import { refuseContainedItems, refuseMisunderstood } from './misunderstood.js';
import { type ParsedSchema, parseSchema } from './parse.js';
import { findResources } from './resources.js';

/**
 * The form in which both the validator and the checker read a schema: every reference is a `$ref` that points into the same schema and leads
 * somewhere, no identifiers are left, and nothing is there that could be understood in two ways. Throws SCHEMA_INVALID, saying what to change.
 */
export function normalForm(definition: string): ParsedSchema {
  const parsed = parseSchema(definition);
  normalize(parsed);
  return parsed;
}

/** Brings a parsed schema into that form, in place. */
export function normalize(parsed: ParsedSchema): void {
  const resources = findResources(parsed);
  const { schema, draft } = parsed;
  localize(parsed, resources);
  refuseMisunderstood(resources.spots.values(), draft);
  // What is left of it says nothing; but ajv knows the keyword.
  for (const spot of resources.spots.values()) if (isObject(spot.schema)) delete spot.schema.nullable;
  if (!isObject(schema)) return;
  refuseContainedItems(resources.spots.values(), schema, draft);
  const endless = endlessReference(schema, draft);
  if (endless === undefined) return;
  const pointer = resources.spots.get(endless)?.pointer ?? '';
  throw invalidSchema(
    `${pointer}/$ref`,
    'the reference leads back to where it stands, without end; let it stand in a property or an item',
  );
}
