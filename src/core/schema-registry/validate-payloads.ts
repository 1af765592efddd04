import { BusError } from '../errors.js';
import type { CompiledSchema } from '../ports/schema-compiler.js';
import type { Refusal, ValidationRequest } from '../ports/schema-judge.js';
import { parsePayload } from '../publish/payload.js';
import { preparation } from '../publish/prepare.js';
import type { ActiveTopic } from '../topics/topic.js';

/** Refuses what publishing would refuse, in the same words: by its own code, on a topic of which only this schema is real. */
export function validatePayloads(compiled: CompiledSchema, request: ValidationRequest): Refusal[] {
  const { payloads, explained } = request;
  const { prepare } = preparation(topicOf(compiled, request), {}, 0);
  const refusals: Refusal[] = [];
  payloads.forEach((payload, event) => {
    if (refusals.length >= explained) {
      const parsed = parsePayload(payload);
      const reason = 'document' in parsed ? 'SCHEMA_VIOLATION' : 'PAYLOAD_NOT_JSON';
      if ('document' in parsed && compiled.accepts(parsed.document, parsed.exact)) return;
      const message = `event ${event}: refused; only the first ${explained} refusals are explained`;
      refusals.push({ event, reason, message, violations: [] });
      return;
    }
    const prepared = prepare({ payload }, event);
    if (!(prepared instanceof BusError)) return;
    const { reason, message, violations } = prepared;
    refusals.push({ event, reason, message, violations });
  });
  return refusals;
}

function topicOf(
  compiled: CompiledSchema,
  { topic, maxEventBytes, keyPointer, needsKey }: ValidationRequest,
): ActiveTopic {
  return {
    name: topic,
    incarnation: '',
    logId: undefined,
    settings: {
      partitions: 1,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      retentionMs: 0,
      retentionBytes: 0,
      maxEventBytes,
      keyPointer,
      keyRequired: needsKey,
      schemaless: false,
      compatibility: 'NONE',
      reading: 'strict',
      dedupeWindowMs: 0,
      dedupeEntries: 0,
    },
    maxBatchBytes: Number.POSITIVE_INFINITY,
    compacted: false,
    publisherTime: false,
    schemaVersions: [1],
    schema: () => ({ version: 1, compiled, warning: undefined }),
  };
}
