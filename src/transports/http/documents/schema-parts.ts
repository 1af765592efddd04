import type { JsonObject } from '../query.js';

// Small words for JSON Schemas, so that what a route answers fits beside it.

/** One of the documents' components. */
export const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });

export const text: JsonObject = { type: 'string' };
export const time: JsonObject = { type: 'string', format: 'date-time' };
export const count: JsonObject = { type: 'integer', minimum: 0 };
export const flag: JsonObject = { type: 'boolean' };

export const listOf = (items: JsonObject): JsonObject => ({ type: 'array', items });

/** An object; names that end in `?` may be absent. Others than these may be added later. */
export function objectOf(members: Readonly<Record<string, JsonObject>>): JsonObject {
  const entries = Object.entries(members);
  const required = entries.map(([name]) => name).filter((name) => !name.endsWith('?'));
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace(/\?$/, ''), schema])),
  };
}

export function described(schema: JsonObject, description: string): JsonObject {
  return { ...schema, description };
}

/** An OpenAPI Response Object with JSON. */
export function jsonResponse(description: string, schema: JsonObject): JsonObject {
  return { description, content: { 'application/json': { schema } } };
}
