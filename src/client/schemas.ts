import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import {
  type CheckSchemaResponse,
  CompatibilityLevel,
  CompatibilityReading,
  type DiffSchemasResponse,
  type ListSchemasResponse,
  type RegisteredSchema,
  type RegisterSchemaResponse,
  type SchemaCheckOptionsSchema,
  type SchemaPolicy,
  type SchemaPolicySchema,
  SchemaService,
  SchemaState,
  type ValidateEventsResponse,
} from '../gen/mainstem/v1/schema_pb.js';
import type { CallOptions, Calls } from './calls.js';
import { type EventInput, toEvent } from './events.js';

const levels = {
  none: CompatibilityLevel.NONE,
  backward: CompatibilityLevel.BACKWARD,
  backward_transitive: CompatibilityLevel.BACKWARD_TRANSITIVE,
  forward: CompatibilityLevel.FORWARD,
  forward_transitive: CompatibilityLevel.FORWARD_TRANSITIVE,
  full: CompatibilityLevel.FULL,
  full_transitive: CompatibilityLevel.FULL_TRANSITIVE,
} as const;
const readings = { strict: CompatibilityReading.STRICT, declared: CompatibilityReading.DECLARED } as const;
const states = {
  active: SchemaState.ACTIVE,
  deprecated: SchemaState.DEPRECATED,
  closed: SchemaState.CLOSED,
} as const;

export type Level = keyof typeof levels;
export type Reading = keyof typeof readings;
export type SchemaStateName = keyof typeof states;

/** By what new versions are judged; what is undefined stays, or is the topic's. */
export interface PolicyInput {
  readonly level?: Level | undefined;
  readonly reading?: Reading | undefined;
}

export interface CheckInput {
  readonly topic: string;
  /** The proposed JSON Schema, as text. */
  readonly definition: string;
  /** Take a schema without any rule, which accepts anything. Default false: SCHEMA_HAS_NO_KEYWORD. */
  readonly allowAnything?: boolean | undefined;
  /** Take an undecided finding as compatible. Default false. */
  readonly acceptUndecided?: boolean | undefined;
  /** Validate so many of the newest retained events as well: up to 1,000,000; default none. */
  readonly evidenceEvents?: number | undefined;
  /** Another policy than the topic's, for this call. To register: as strict, or stricter. */
  readonly policy?: PolicyInput | undefined;
}

/** Keeps topics' schemas. TOPIC_NOT_FOUND, SCHEMA_VERSION_NOT_FOUND, SCHEMA_INVALID. */
export interface SchemaCalls {
  /** SCHEMA_INCOMPATIBLE, with the report in the error's `schemaReport`; SCHEMA_VERSION_CONFLICT if it would not get `expectedVersion`. */
  register(
    input: CheckInput & { readonly expectedVersion?: number | undefined },
    options?: CallOptions,
  ): Promise<RegisterSchemaResponse>;
  /** What `register` would say; changes nothing. */
  check(input: CheckInput, options?: CallOptions): Promise<CheckSchemaResponse>;
  /** The latest version if none is named. */
  get(topic: string, version?: number, options?: CallOptions): Promise<RegisteredSchema>;
  list(topic: string, options?: CallOptions): Promise<ListSchemasResponse>;
  /** `from`: default the version before `to`. `to`: a version, default the latest, or a proposed schema's text. */
  diff(
    input: {
      readonly topic: string;
      readonly from?: number | undefined;
      readonly to?: number | { readonly definition: string } | undefined;
      readonly reading?: Reading | undefined;
    },
    options?: CallOptions,
  ): Promise<DiffSchemasResponse>;
  /** Validates up to 10,000 events and stores nothing. `against`: a version, default the latest, or a proposed schema's text. */
  validate(
    input: {
      readonly topic: string;
      readonly events: readonly EventInput[];
      readonly against?: number | { readonly definition: string } | undefined;
    },
    options?: CallOptions,
  ): Promise<ValidateEventsResponse>;
  setPolicy(topic: string, policy: PolicyInput, options?: CallOptions): Promise<SchemaPolicy>;
  setState(
    input: { readonly topic: string; readonly version: number; readonly state: SchemaStateName },
    options?: CallOptions,
  ): Promise<RegisteredSchema>;
}

export function schemaCalls(calls: Calls): SchemaCalls {
  const service: Client<typeof SchemaService> = createClient(SchemaService, calls.transport);
  return {
    register: ({ topic, definition, expectedVersion, allowAnything = false, ...check }, options) =>
      calls.unary(options, (connect) =>
        service.registerSchema(
          {
            topic,
            definition,
            allowAnything,
            options: toCheckOptions(check),
            ...(expectedVersion === undefined ? {} : { expectedVersion }),
          },
          connect,
        ),
      ),
    check: ({ topic, definition, allowAnything = false, ...check }, options) =>
      calls.unary(options, (connect) =>
        service.checkSchema({ topic, definition, allowAnything, options: toCheckOptions(check) }, connect),
      ),
    get: (topic, version, options) =>
      calls.unary(options, async (connect) =>
        present((await service.getSchema({ topic, ...(version === undefined ? {} : { version }) }, connect)).schema),
      ),
    list: (topic, options) => calls.unary(options, (connect) => service.listSchemas({ topic }, connect)),
    diff: ({ topic, from, to, reading }, options) =>
      calls.unary(options, (connect) =>
        service.diffSchemas(
          {
            topic,
            ...(from === undefined ? {} : { from }),
            ...(to === undefined ? {} : { to: toSide(to) }),
            ...(reading === undefined ? {} : { reading: readings[reading] }),
          },
          connect,
        ),
      ),
    validate: ({ topic, events, against }, options) =>
      calls.unary(options, (connect) =>
        service.validateEvents(
          {
            topic,
            events: events.map(toEvent),
            ...(against === undefined ? {} : { against: toSide(against) }),
          },
          connect,
        ),
      ),
    setPolicy: (topic, policy, options) =>
      calls.unary(options, async (connect) =>
        present((await service.setSchemaPolicy({ topic, policy: toPolicy(policy) }, connect)).policy),
      ),
    setState: ({ topic, version, state }, options) =>
      calls.unary(options, async (connect) =>
        present((await service.setSchemaState({ topic, version, state: states[state] }, connect)).schema),
      ),
  };
}

function toCheckOptions({
  acceptUndecided = false,
  evidenceEvents,
  policy,
}: Omit<CheckInput, 'topic' | 'definition' | 'allowAnything'>): MessageInitShape<typeof SchemaCheckOptionsSchema> {
  return {
    acceptUndecided,
    ...(evidenceEvents === undefined ? {} : { evidenceEvents: BigInt(evidenceEvents) }),
    ...(policy === undefined ? {} : { policy: toPolicy(policy) }),
  };
}

function toPolicy({ level, reading }: PolicyInput): MessageInitShape<typeof SchemaPolicySchema> {
  return {
    ...(level === undefined ? {} : { level: levels[level] }),
    ...(reading === undefined ? {} : { reading: readings[reading] }),
  };
}

function toSide(side: number | { readonly definition: string }) {
  return typeof side === 'number'
    ? { case: 'version' as const, value: side }
    : { case: 'definition' as const, value: side.definition };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the answer lacks what it is about: is the server a Mainstem server?');
  return value;
}
