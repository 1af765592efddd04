import { createRegistry, type JsonValue, type Message, toJson } from '@bufbuild/protobuf';
import { file_mainstem_v1_schema } from '../gen/mainstem/v1/schema_pb.js';
import { file_mainstem_v1_subscriber } from '../gen/mainstem/v1/subscriber_pb.js';

const registry = createRegistry(file_mainstem_v1_schema, file_mainstem_v1_subscriber);

/** An answer about schemas or subscribers as JSON: the same as curl gets. Throws a TypeError for other messages. */
export function asJson(message: Message): JsonValue {
  const schema = registry.getMessage(message.$typeName);
  if (schema === undefined) throw new TypeError(`no JSON form of ${message.$typeName} here`);
  return toJson(schema, message, { registry });
}
