import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { SchemaPolicy } from '../../core/compatibility/report.js';
import { BusError } from '../../core/errors.js';
import type {
  CheckOptions,
  DiffCommand,
  Difference,
  RegisteredSchema,
  SchemaChoice,
  ValidateCommand,
  Validated,
} from '../../core/schema-registry/commands.js';
import type { SchemaState } from '../../core/topics/topic.js';
import { PublishMode } from '../../gen/mainstem/v1/publish_pb.js';
import {
  type CompatibilityLevel,
  type CompatibilityReading,
  type DiffSchemasRequest,
  type DiffSchemasResponseSchema,
  type SchemaPolicy as PolicyMessage,
  type RegisteredSchemaSchema,
  type SchemaCheckOptions,
  SchemaState as StateNumber,
  type ValidateEventsRequest,
  type ValidateEventsResponseSchema,
} from '../../gen/mainstem/v1/schema_pb.js';
import { fromInt64 } from './numbers.js';
import { toPublishCommand } from './publish-mapper.js';
import { toViolation } from './result-mapper.js';
import { levels, readings, toFinding } from './schema-report-mapper.js';

const states: { readonly [K in SchemaState]: StateNumber } = {
  active: StateNumber.ACTIVE,
  deprecated: StateNumber.DEPRECATED,
  closed: StateNumber.CLOSED,
};

export function toCheckOptions(options: SchemaCheckOptions | undefined): CheckOptions {
  const { acceptUndecided = false, evidenceEvents = 0n, policy } = options ?? {};
  return {
    acceptUndecided,
    evidenceEvents: fromInt64('evidence_events', evidenceEvents),
    policy: toPolicyInput(policy),
  };
}

/** What is unspecified stays undefined. */
export function toPolicyInput(policy: PolicyMessage | undefined): Partial<SchemaPolicy> {
  const level = policy && toLevel(policy.level);
  const reading = policy && toReading(policy.reading);
  return { ...(level && { level }), ...(reading && { reading }) };
}

export function toLevel(level: CompatibilityLevel): SchemaPolicy['level'] | undefined {
  return fromEnum('CompatibilityLevel', levels, level);
}

export function toReading(reading: CompatibilityReading): SchemaPolicy['reading'] | undefined {
  return fromEnum('CompatibilityReading', readings, reading);
}

/** Throws INVALID_REQUEST where it is missing. */
export function toState(state: StateNumber): SchemaState {
  const found = fromEnum('SchemaState', states, state);
  if (found !== undefined) return found;
  throw new BusError('INVALID_REQUEST', 'state is required: ACTIVE, DEPRECATED or CLOSED');
}

/** By its number; undefined for 0, which is unspecified everywhere. */
function fromEnum<K extends string>(name: string, numbers: { readonly [key in K]: number }, value: number) {
  if (value === 0) return undefined;
  for (const key in numbers) if (numbers[key] === value) return key;
  throw new BusError('INVALID_REQUEST', `${value} is not a ${name} that this server knows`);
}

export function toRegisteredSchema(schema: RegisteredSchema): MessageInitShape<typeof RegisteredSchemaSchema> {
  const { topic, version, definition = '', state, registeredAt, uri, references } = schema;
  return {
    topic,
    version,
    definition,
    state: states[state],
    uri,
    references: [...references],
    ...(registeredAt === undefined ? {} : { registeredAt: timestampFromMs(registeredAt) }),
  };
}

export function toDiffCommand({ topic, from, to, reading }: DiffSchemasRequest): DiffCommand {
  return { topic, from, to: toChoice(to), reading: toReading(reading) };
}

export function toDiffResponse(difference: Difference): MessageInitShape<typeof DiffSchemasResponseSchema> {
  const { changes, backward, forward, from, to } = difference;
  return {
    changes: changes.map(({ pointer, before = '', after = '' }) => ({ pointer, before, after })),
    backward: toFinding(backward),
    forward: toFinding(forward),
    from,
    ...(to === undefined ? {} : { to }),
  };
}

function toChoice(choice: DiffSchemasRequest['to'] | ValidateEventsRequest['against']): SchemaChoice {
  return choice.case === 'definition' ? { definition: choice.value } : { version: choice.value };
}

/** @param fromJson as for `toPublishCommand` */
export function toValidateCommand(
  { topic, events, against }: ValidateEventsRequest,
  fromJson: boolean,
): ValidateCommand {
  const command = toPublishCommand({ topic, events, mode: PublishMode.INDEPENDENT }, fromJson);
  return { topic, payloads: command.events.map(({ payload }) => payload), against: toChoice(against) };
}

export function toValidateResponse({
  events,
  refusals,
  version,
}: Validated): MessageInitShape<typeof ValidateEventsResponseSchema> {
  const results: NonNullable<MessageInitShape<typeof ValidateEventsResponseSchema>['results']> = Array.from(
    { length: events },
    () => ({ valid: true }),
  );
  for (const { event, reason, message, violations } of refusals) {
    results[event] = { valid: false, reason, message, violations: violations.map(toViolation) };
  }
  return { results, valid: events - refusals.length, ...(version === undefined ? {} : { version }) };
}
