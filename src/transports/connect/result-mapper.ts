import { create, toBinary, type UnknownField } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Violation } from '../../core/errors.js';
import type { EventResult } from '../../core/publish/command.js';
import { type PublishResult, PublishResultSchema, PublishStatus } from '../../gen/mainstem/v1/publish_pb.js';
import { writeTime } from './record-encoder.js';
import { bytesTag, intTag, WireWriter } from './wire-writer.js';

const statuses: { readonly [K in EventResult['status']]: PublishStatus } = {
  stored: PublishStatus.STORED,
  rejected: PublishStatus.REJECTED,
  not_stored: PublishStatus.NOT_STORED,
  unknown: PublishStatus.UNKNOWN,
};

/** An event's result as a message: for the JSON codecs, and where there is more to say than a position. */
export function toResult(result: EventResult): PublishResult {
  const status = statuses[result.status];
  if (result.status !== 'stored') {
    const { reason, message, violations } = result.error;
    return create(PublishResultSchema, { status, reason, message, violations: violations.map(toViolation) });
  }
  const { partition, offset, timestamp, schemaVersion } = result;
  return create(PublishResultSchema, {
    status,
    partition,
    offset: BigInt(offset),
    time: timestampFromMs(timestamp),
    ...(schemaVersion === undefined ? {} : { schemaVersion }),
    duplicate: result.duplicate ?? false,
  });
}

export function toViolation({ event, pointer, rule, message }: Violation) {
  return { event, pointer, rule, message };
}

const tag = {
  partition: intTag(1),
  offset: intTag(2),
  time: bytesTag(3),
  status: intTag(4),
  schemaVersion: intTag(5),
  duplicate: intTag(9),
};
const writer = new WireWriter();

/**
 * Results for the binary codecs, which write an unknown field as it is: all entries of the field `results` of this number. For stored events,
 * nearly all, this takes a tenth of the general encoder's time.
 */
export function encodeResults(field: number, results: readonly EventResult[]): UnknownField[] {
  writeResults(field, results);
  const entries = writer.take();
  // The first entry's tag is written by the codec; the field numbers in use have a tag of one byte.
  return entries.length === 0 ? [] : [{ no: field, wireType: WireType.LengthDelimited, data: entries.subarray(1) }];
}

/** Numbers of the fields of PublishResponse. */
export const responseFields = { results: 1, warnings: 2 };

/** A whole PublishResponse. */
export function encodeResponse(results: readonly EventResult[], warnings: readonly string[]): Uint8Array {
  writeResults(responseFields.results, results);
  for (const warning of warnings) writer.text(bytesTag(responseFields.warnings), warning);
  return writer.take();
}

/** Numbers of the fields of PublishStreamResponse. */
export const streamFields = { sequence: 1, results: 2, warnings: 4 };

/** A whole PublishStreamResponse, of a batch that did not fail as a whole. */
export function encodeStreamAnswer(
  sequence: number,
  results: readonly EventResult[],
  warnings: readonly string[],
): Uint8Array {
  writer.int(intTag(streamFields.sequence), sequence);
  writeResults(streamFields.results, results);
  for (const warning of warnings) writer.text(bytesTag(streamFields.warnings), warning);
  return writer.take();
}

function writeResults(field: number, results: readonly EventResult[]): void {
  const entryTag = bytesTag(field);
  let before: Stored | undefined;
  let from = 0;
  let to = 0;
  for (const result of results) {
    if (result.status !== 'stored') {
      writer.bytes(entryTag, toBinary(PublishResultSchema, toResult(result)));
      continue;
    }
    const entry = writer.open(entryTag);
    writer.int(tag.partition, result.partition);
    writer.int(tag.offset, result.offset);
    if (before !== undefined && hasSameRest(result, before)) writer.repeat(from, to);
    else {
      from = writer.length;
      writeRest(result);
      to = writer.length;
      before = result;
    }
    writer.close(entry);
  }
}

type Stored = Extract<EventResult, { readonly status: 'stored' }>;

/** All but the position: the same for events that were stored together. */
function writeRest({ timestamp, schemaVersion, duplicate }: Stored): void {
  writeTime(writer, tag.time, timestamp);
  writer.int(tag.status, PublishStatus.STORED);
  if (schemaVersion !== undefined) writer.int(tag.schemaVersion, schemaVersion);
  if (duplicate) writer.int(tag.duplicate, 1);
}

function hasSameRest(one: Stored, other: Stored): boolean {
  return (
    one.timestamp === other.timestamp && one.schemaVersion === other.schemaVersion && one.duplicate === other.duplicate
  );
}
