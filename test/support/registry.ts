import { Buffer } from 'node:buffer';
import { BusError, type Reason } from '../../src/core/errors.js';
import type { CheckOptions, SchemaRegistry } from '../../src/core/schema-registry/commands.js';
import type { TestBus } from './open-bus.js';

/** Nothing asked for. */
const plainCheck: CheckOptions = { acceptUndecided: false, evidenceEvents: 0, policy: {} };

const never = new AbortController().signal;

/** A person; two properties. */
export const base = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
};
export const withStatus = (...values: string[]) => ({
  ...base,
  properties: { ...base.properties, status: { enum: values } },
});

/** The topic `people` with that schema. */
export async function people(bus: TestBus, settings: object = {}) {
  await bus.topics.create({ name: 'people', settings, schema: JSON.stringify(base), adopt: false });
  return registryOf(bus.schemas);
}

/** Publishes to `people`; the warnings. */
export async function publish(bus: TestBus, payloads: readonly unknown[], schemaVersion?: number): Promise<string[]> {
  const warnings: string[] = [];
  const events = payloads.map((payload) => ({ payload: Buffer.from(JSON.stringify(payload)) }));
  const onWarning = (warning: string) => void warnings.push(warning);
  await bus.publisher.publish({ topic: 'people', mode: 'all_or_nothing', events, schemaVersion, onWarning }, never);
  return warnings;
}

/** The registry with schemas as objects, and without what tests rarely need. */
export function registryOf(schemas: SchemaRegistry) {
  return {
    register: (topic: string, schema: unknown, options: Partial<CheckOptions> = {}, expectedVersion?: number) =>
      schemas.register(
        { topic, definition: textOf(schema), expectedVersion, options: { ...plainCheck, ...options } },
        never,
      ),
    check: (topic: string, schema: unknown, options: Partial<CheckOptions> = {}) =>
      schemas.check({ topic, definition: textOf(schema), options: { ...plainCheck, ...options } }, never),
    validate: (topic: string, payloads: readonly unknown[], against: unknown = undefined) =>
      schemas.validate(
        {
          topic,
          payloads: payloads.map((payload) => Buffer.from(textOf(payload))),
          against:
            typeof against === 'object' && against !== null
              ? { definition: textOf(against) }
              : { version: typeof against === 'number' ? against : undefined },
        },
        never,
      ),
    diff: (topic: string, from: number | undefined, to: number | undefined) =>
      schemas.diff({ topic, from, to: { version: to }, reading: undefined }, never),
  };
}

/** A text as it is; everything else as JSON. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The BusError that a call fails with; fails itself where it does not. */
export async function refusal(work: Promise<unknown>): Promise<BusError> {
  const outcome: unknown = await work.then(
    () => new Error('the call did not fail'),
    (error: unknown) => error,
  );
  if (outcome instanceof BusError) return outcome;
  throw outcome;
}

export const reasonOf = async (work: Promise<unknown>): Promise<Reason> => (await refusal(work)).reason;
