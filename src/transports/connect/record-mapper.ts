import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { readHeaders } from '../../core/event-headers.js';
import type { Delivery } from '../../core/subscribe/frames.js';
import { PayloadKind, type Record, RecordSchema } from '../../gen/mainstem/v1/event_pb.js';

export const payloadKinds: { readonly [K in Delivery['kind']]: PayloadKind } = {
  json: PayloadKind.JSON,
  not_json: PayloadKind.NOT_JSON,
  tombstone: PayloadKind.TOMBSTONE,
  none: PayloadKind.NONE,
};

/** A record as a message: for the JSON codecs. The binary ones use `encodeRecord`, which has to say the same. */
export function toRecord({ partition, record, kind, schemaVersion }: Delivery): Record {
  const { id, source, type, subject, time, attributes, redriven, rest } = readHeaders(record.headers);
  const init: MessageInitShape<typeof RecordSchema> = {
    partition,
    offset: BigInt(record.offset),
    time: timestampFromMs(record.timestamp),
    kind: payloadKinds[kind],
    attributes: { ...attributes },
    headers: rest.map(([name, value]) => ({ name, value })),
  };
  if (record.key !== null) init.key = record.key;
  if (record.value !== null) init.jsonBytes = record.value;
  if (schemaVersion !== undefined) init.schemaVersion = schemaVersion;
  if (id !== undefined) init.id = id;
  if (source !== undefined) init.source = source;
  if (type !== undefined) init.type = type;
  if (subject !== undefined) init.subject = subject;
  if (time !== undefined) init.eventTime = time;
  if (redriven !== undefined) {
    const { topic, partition, offset, reason, attempts } = redriven;
    init.redriven = { topic, partition, offset: BigInt(offset), reason, attempts };
  }
  return create(RecordSchema, init);
}
