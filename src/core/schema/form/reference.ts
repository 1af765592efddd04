import { isObject } from '../json.js';

/** The schema that a reference of a schema in normal form leads to; undefined for the drafts' own schemas, which stand elsewhere. */
export function followReference(root: unknown, reference: string): unknown {
  if (reference === '#') return root;
  if (!reference.startsWith('#/')) return undefined;
  let found = root;
  for (const token of reference.slice(2).split('/')) {
    const name = unescaped(token).replaceAll('~1', '/').replaceAll('~0', '~');
    found = Array.isArray(found)
      ? found[Number(name)]
      : isObject(found) && Object.hasOwn(found, name)
        ? found[name]
        : undefined;
  }
  return found;
}

function unescaped(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
