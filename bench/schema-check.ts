import { performance } from 'node:perf_hooks';
import Table from 'cli-table3';
import { checkCompatibility } from '../src/core/schema/index.js';
import { createSchemaCompiler } from '../src/drivers/ajv/index.js';

/**
 * What a compatibility check costs: a table of processor milliseconds for schemas of 10, 100 and 1,000 properties, by the kind of change, BACKWARD
 * with both readings; and beside it what compiling the two schemas costs, which is part of it. `npm run bench:schema-check`.
 */
interface ObjectSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
}

const kinds = [
  { type: 'string', minLength: 1 },
  { type: 'integer', minimum: 0 },
  { type: 'number' },
  { enum: ['a', 'b', 'c'] },
  { type: 'array', maxItems: 9 },
  { type: 'string', format: 'date-time' },
  { type: ['string', 'null'], pattern: '^[a-z]+$' },
];
const rounds = 3;

function schemaOf(count: number): ObjectSchema {
  const names = Array.from({ length: count }, (_, index) => `p${index}`);
  const properties = Object.fromEntries(names.map((name, index) => [name, kinds[index % kinds.length]]));
  return { type: 'object', properties, required: ['p0', 'p1'] };
}

const changes: Readonly<Record<string, (schema: ObjectSchema) => ObjectSchema>> = {
  'the same but for a title': (schema) => Object.assign({ title: 'changed' }, schema),
  'an optional property more': (schema) => withProperty(schema, 'extra', { enum: ['x', 'y'] }),
  'a wider enum': (schema) => withProperty(schema, 'p3', { enum: ['a', 'b', 'c', 'd'] }),
  'a narrower enum': (schema) => withProperty(schema, 'p3', { enum: ['a'] }),
  'a property required': (schema) => ({ ...schema, required: [...schema.required, 'p2'] }),
  'every bound lower': (schema) => ({
    ...schema,
    properties: Object.fromEntries(Object.entries(schema.properties).map(([name, rule]) => [name, loosened(rule)])),
  }),
};

function withProperty(schema: ObjectSchema, name: string, rule: unknown): ObjectSchema {
  return { ...schema, properties: { ...schema.properties, [name]: rule } };
}

function loosened(rule: unknown): unknown {
  return typeof rule === 'object' && rule !== null && 'minimum' in rule ? { ...rule, minimum: -1 } : rule;
}

/** The median of a few runs, in milliseconds of this process's processor time. */
function cost(act: () => void): number {
  act();
  const runs = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return runs.sort((a, b) => a - b)[rounds >> 1] ?? 0;
}

const compiler = createSchemaCompiler();
const table = new Table({ head: ['properties', 'change', 'verdict', 'steps', 'check ms', 'of it compiling ms'] });
const begun = performance.now();
for (const count of [10, 100, 1_000]) {
  const schema = schemaOf(count);
  const definition = JSON.stringify(schema);
  for (const [name, change] of Object.entries(changes)) {
    const proposed = JSON.stringify(change(schema));
    const request = {
      level: 'BACKWARD',
      reading: 'declared',
      proposed,
      versions: [{ version: 1, definition }],
    } as const;
    const { verdict, steps } = checkCompatibility(compiler, request);
    const check = cost(() => checkCompatibility(compiler, request));
    const compiling = cost(() => [definition, proposed].map((text) => compiler.compile(text)));
    table.push([count, name, verdict, steps, check.toFixed(1), compiling.toFixed(1)]);
  }
}
console.log(table.toString());
console.log(`${((performance.now() - begun) / 1_000).toFixed(0)} s`);
