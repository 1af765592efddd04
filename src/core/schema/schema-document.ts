import { normalForm } from './form/normal-form.js';
import { followReference } from './form/reference.js';
import { canonical } from './json.js';
import type { Reading, SchemaDocument } from './rules.js';

/** Opens a schema that the compiler has accepted: what the validator sees is what is reasoned about. */
export function openSchema(definition: string, reading: Reading): SchemaDocument {
  const { schema, draft } = normalForm(definition);
  let text: string | undefined;
  const document: SchemaDocument = {
    draft,
    reading,
    get root() {
      return { document, schema };
    },
    get text() {
      text ??= canonical(schema);
      return text;
    },
    resolve(reference) {
      const found = followReference(schema, reference);
      return found === undefined ? undefined : { document, schema: found };
    },
  };
  return document;
}
