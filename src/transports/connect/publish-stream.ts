import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { ConnectError, type HandlerContext } from '@connectrpc/connect';
import { BusError } from '../../core/errors.js';
import type { EventResult, PublishCommand, Publishing } from '../../core/publish/command.js';
import {
  type BatchFailureSchema,
  type PublishStreamRequest,
  type PublishStreamResponse,
  PublishStreamResponseSchema,
} from '../../gen/mainstem/v1/publish_pb.js';
import type { OnInternalError } from '../served.js';
import { usesBinary } from './call.js';
import { callerSees } from './errors.js';
import { inOrder } from './in-order.js';
import { storedRuns, toOutcome } from './outcome-mapper.js';
import { toPublishCommand } from './publish-mapper.js';
import { encodeResults, toResult, toViolation } from './result-mapper.js';

/** How much of one stream may be under way; beyond that nothing more is read. The last batch read may go over the bytes. */
const streamLimits = { batches: 64, bytes: 8 * 1024 * 1024 };

/** Number of `results` in PublishStreamResponse. */
const resultsField = 2;

/**
 * One PublishStream: batches are handed to the produce path in the order they come, without waiting for the ones before, and answered
 * in the same order. A batch that fails is answered as such, and the stream goes on; the end of the call withdraws what is queued. A server that
 * shuts down answers what it has taken, and ends the stream with SHUTTING_DOWN: what is unanswered then is not stored.
 */
export function publishStream(
  publishing: Publishing,
  requests: AsyncIterable<PublishStreamRequest>,
  context: HandlerContext,
  onInternalError: OnInternalError,
): AsyncIterable<PublishStreamResponse> {
  const session = publishing.openStream();
  const binary = usesBinary(context);
  let sequence = 0n;
  let topic = '';

  function toCommand(request: PublishStreamRequest): PublishCommand & { continueAfterFailure: boolean } {
    topic = request.topic || topic;
    if (topic === '') throw new BusError('INVALID_REQUEST', 'topic is required in the first batch of a stream');
    return { ...toPublishCommand({ ...request, topic }, !binary), continueAfterFailure: request.continueAfterFailure };
  }

  async function answer(
    number: bigint,
    stored: Promise<EventResult[]>,
    warnings: string[],
  ): Promise<PublishStreamResponse> {
    try {
      const results = await stored;
      const response = create(PublishStreamResponseSchema, { sequence: number, warnings });
      if (binary) response.$unknown = encodeResults(resultsField, results);
      else response.results = results.map(toResult);
      return response;
    } catch (error) {
      // The end of the call is no failure of a batch: it ends the stream.
      const seen = callerSees(error, context.signal);
      if (seen instanceof ConnectError || context.signal.aborted) throw seen;
      if (seen.reason === 'INTERNAL') onInternalError(seen.cause ?? seen, 'mainstem.v1.PublishService/PublishStream');
      return create(PublishStreamResponseSchema, { sequence: number, failure: toBatchFailure(seen), warnings });
    }
  }

  function start(request: PublishStreamRequest) {
    const number = sequence++;
    const warnings: string[] = [];
    let command: ReturnType<typeof toCommand>;
    try {
      command = toCommand(request);
    } catch (error) {
      return { bytes: 0, result: answer(number, Promise.reject(error), warnings) };
    }
    const stored = session.publish({ ...command, onWarning: (warning) => warnings.push(warning) }, context.signal);
    return { bytes: payloadBytes(command), result: answer(number, stored, warnings) };
  }

  return inOrder(requests, start, streamLimits, context.signal, session.draining);
}

function payloadBytes({ events }: PublishCommand): number {
  let bytes = 0;
  for (const { payload, key } of events) bytes += payload.length + (key?.length ?? 0);
  return bytes;
}

function toBatchFailure(error: BusError): MessageInitShape<typeof BatchFailureSchema> {
  const { reason, message, retryable, retryAfterMs, violations, outcome } = error;
  const failure: MessageInitShape<typeof BatchFailureSchema> = {
    reason,
    message: message.toWellFormed(),
    retryable,
    violations: violations.map(toViolation),
  };
  if (retryAfterMs !== undefined) failure.retryDelay = durationFromMs(Math.ceil(retryAfterMs));
  if (outcome) failure.outcome = toOutcome(outcome, storedRuns(outcome.stored));
  return failure;
}
