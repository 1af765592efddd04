import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { ConnectError, type HandlerContext } from '@connectrpc/connect';
import { answerBefore } from '../../core/deadline.js';
import { BusError } from '../../core/errors.js';
import type { BatchListener, PublishCommand, Publishing } from '../../core/publish/command.js';
import type { BatchFailureSchema, PublishStreamRequest } from '../../gen/mainstem/v1/publish_pb.js';
import type { OnInternalError } from '../served.js';
import { callerSees } from './errors.js';
import { inOrderTogether, type Place } from './in-order.js';
import { storedRuns, toOutcome } from './outcome-mapper.js';
import type { PublishBatch } from './publish-decoder.js';
import { toPublishCommand } from './publish-mapper.js';
import { toViolation } from './result-mapper.js';
import type { StreamForm } from './stream-form.js';

/**
 * How much of one stream may be under way; beyond that nothing more is read. The last batch read may go over the bytes. Few batches make small appends,
 * each of which costs the same.
 */
const streamLimits = { batches: 256, bytes: 8 * 1024 * 1024 };
/** What an event weighs beside its payload and key: for itself, and for its result if it is stored (a refusal takes more, up to 1 KB). */
const eventBytes = 64;

/**
 * One PublishStream: batches are handed to the produce path in the order they come, without waiting for the ones before, and answered
 * in the same order. A batch that fails is answered as such, and the stream goes on; the end of the call withdraws what is queued. A server that
 * shuts down answers what it has taken, and ends the stream with SHUTTING_DOWN: what is unanswered then is not stored.
 *
 * @param most how many answers come together at most; default: as many as are there
 */
export function publishStream<I, O>(
  publishing: Publishing,
  requests: AsyncIterable<readonly I[]>,
  form: StreamForm<I, O>,
  context: HandlerContext,
  onInternalError: OnInternalError,
  most?: number,
): AsyncIterable<readonly O[]> {
  const session = publishing.openStream();
  const { signal } = context;
  const answerBy = answerBefore(signal, context.timeoutMs());
  let sequence = 0;
  let topic = '';

  /** Makes the answer to a batch of what becomes of it. */
  function answering(number: number, place: Place<O>): BatchListener {
    const warnings: string[] = [];
    function failed(error: unknown): void {
      // The end of the call is no failure of a batch: it ends the stream.
      const seen = callerSees(error, signal);
      if (seen instanceof ConnectError || signal.aborted) {
        place.fail(seen);
        return;
      }
      if (seen.reason === 'INTERNAL') onInternalError(seen.cause ?? seen, 'mainstem.v1.PublishService/PublishStream');
      place.make(() => form.failure(number, toBatchFailure(seen), warnings));
    }
    return {
      warned: (warning) => void warnings.push(warning),
      answered: (results) => place.make(() => form.answer(number, results, warnings)),
      failed,
    };
  }

  function toBatch(read: PublishBatch | PublishStreamRequest): PublishBatch {
    topic = read.topic || topic;
    if (topic === '') throw new BusError('INVALID_REQUEST', 'topic is required in the first batch of a stream');
    const { continueAfterFailure } = read;
    return '$typeName' in read
      ? { ...toPublishCommand(read, form.isJson), topic, continueAfterFailure }
      : read.topic === topic
        ? read
        : { ...read, topic };
  }

  function start(request: I, place: Place<O>): number {
    const listener = answering(sequence++, place);
    const read = form.read(request);
    let batch: PublishBatch;
    try {
      batch = toBatch(read);
    } catch (error) {
      session.refuse(error).catch(listener.failed);
      return 0;
    }
    session.add(batch, listener, answerBy);
    return weightOf(batch);
  }

  const work = { start, started: () => session.flush() };
  return inOrderTogether(requests, work, streamLimits, signal, session.draining, most);
}

function weightOf({ events }: PublishCommand): number {
  let bytes = eventBytes * events.length;
  for (const { payload, key } of events) bytes += (payload?.length ?? 0) + (key?.length ?? 0);
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
