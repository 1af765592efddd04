import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { earthquakes, flights } from '../../scripts/real-data-sets.js';
import { readTopicFiles } from '../../src/config/topic-files.js';
import { createSchemaCompiler } from '../../src/drivers/ajv/index.js';

const files = readTopicFiles(fileURLToPath(new URL('../../schemas', import.meta.url)));
const sets = [
  { name: 'flights', events: flights(), count: 200_000 },
  { name: 'earthquakes', events: earthquakes(), count: 1707 },
];

describe.each(sets)('the $name that ship with the project', ({ name, events, count }) => {
  const file = files.find((topic) => topic.name === name);
  const definition = file?.schemas.at(-1)?.definition ?? '';
  const schema = createSchemaCompiler().compile(definition);

  test('all fit their schema, by the bus as by ajv in strict mode', () => {
    expect(events).toHaveLength(count);
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
    formats.default(ajv);
    const validate = ajv.compile(JSON.parse(definition));
    const refused = events.filter((event) => !schema.accepts(event) || !validate(event));
    expect(refused.slice(0, 3).map((event) => schema.explain(event, 3))).toEqual([]);
  });

  test('are refused when they are broken', () => {
    for (const broken of ways(events[0])) expect(schema.accepts(broken.event), broken.how).toBe(false);
  });

  test('have a key at the key pointer, and fit the topic', () => {
    const { keyPointer = '', maxEventBytes = 0 } = file?.settings ?? {};
    const field = keyPointer.slice(1);
    const keys = new Set(events.map((event) => (isObject(event) ? event[field] : undefined)));
    expect(keys.has(undefined)).toBe(false);
    expect(keys.size).toBe(name === 'flights' ? 1079 : count);
    const largest = events.reduce<number>((most, event) => Math.max(most, Buffer.byteLength(JSON.stringify(event))), 0);
    expect(largest).toBeLessThanOrEqual(maxEventBytes);
  });
});

/** A good event with each member, at any depth, taken away, turned into an object, or given a sibling. */
function* ways(event: unknown): Generator<{ how: string; event: unknown }> {
  for (const path of paths(event)) {
    const change = (how: string, edit: (parent: Record<string, unknown>, member: string) => void) => {
      const copy: unknown = structuredClone(event);
      let parent = copy;
      for (const step of path.slice(0, -1)) parent = isObject(parent) ? parent[step] : undefined;
      if (isObject(parent)) edit(parent, path.at(-1) ?? '');
      return { how: `/${path.join('/')} ${how}`, event: copy };
    };
    yield change('missing', (parent, member) => delete parent[member]);
    yield change('of another type', (parent, member) => {
      parent[member] = { unexpected: true };
    });
    yield change('with an unknown sibling', (parent) => {
      parent['unexpected'] = 1;
    });
  }
}

function* paths(value: unknown): Generator<string[]> {
  if (!isObject(value)) return;
  for (const [member, below] of Object.entries(value)) {
    yield [member];
    for (const path of paths(below)) yield [member, ...path];
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
