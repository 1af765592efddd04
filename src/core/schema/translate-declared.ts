import { inPlaceSchemas } from './form/in-place.js';
import { isObject } from './json.js';
import { always, type Literal, type Place } from './rules.js';
import type { Translator } from './translation.js';

/** What a schema declares of an object, in whichever branch. `always` where it declares nothing: that is a free-form map. */
export function declaredAt({ book }: Translator, place: Place): Literal {
  const { document } = place;
  const names = new Set<string>();
  const patterns = new Set<string>();
  let open = false;
  for (const schema of inPlaceSchemas(place.schema, document.root.schema, document.draft)) {
    for (const name of keys(schema.properties)) names.add(name);
    for (const source of keys(schema.patternProperties)) patterns.add(source);
    if (isDescribed(schema.additionalProperties) || isDescribed(schema.unevaluatedProperties)) open = true;
  }
  if (names.size + patterns.size === 0) return always;
  const sources = [...patterns].sort();
  const key = `declared ${open} ${JSON.stringify([[...names].sort(), sources])}`;
  return book.add(key, () => ({ kind: 'declared', names, patterns: sources, open }));
}

/** Whether all other properties have a schema that says something of them: then they are declared, too. */
function isDescribed(schema: unknown): boolean {
  return isObject(schema) && Object.keys(schema).length > 0;
}

function keys(value: unknown): string[] {
  return isObject(value) ? Object.keys(value) : [];
}
