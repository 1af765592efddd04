import { BusError } from '../../core/errors.js';
import type { AppendRecord } from '../../core/model.js';
import type { Appended } from '../../core/ports/event-log.js';
import { isPassing, outcomeUnknown, refused, unavailable } from './errors.js';
import type { KafkaClient, Lane } from './kafka-client.js';
import { LinkFailure } from './kafka-link.js';
import { type Leaders, requestTimeoutMs, retryForMs } from './leaders.js';
import { backoff, pause } from './pause.js';
import { codes } from './protocol/codes.js';
import { type Produced, produceRequest } from './protocol/produce.js';

/** How long the leader may wait for the other replicas. */
const replicasTimeoutMs = 4000;
/** Appends to one broker wait for each other within a lane only: each waits for all replicas. */
const produceLanes = 4;

/**
 * Appends a batch with acks=all; fails after about 10 s at the latest.
 *
 * Deliberately not idempotent: after an unknown outcome the producer's sequence would have to be rolled back and reused, and a broker that
 * did store the first batch would drop an acknowledged later one as its duplicate. So a batch whose outcome is unknown is never sent
 * again from here. The exception: a leader that answers "I am not the leader (any more)" or with a disk failure has almost always
 * stored nothing, and is asked again elsewhere; with several replicas it may have stored the batch while it was deposed, which
 * then is stored twice, and if no attempt succeeds the outcome counts as unknown.
 */
export async function append(
  client: KafkaClient,
  leaders: Leaders,
  closing: AbortSignal,
  topic: string,
  partition: number,
  records: readonly AppendRecord[],
  isWanted?: () => boolean,
): Promise<Appended> {
  const what = `append to ${topic}/${partition}`;
  const lane: Lane = `produce-${partition % produceLanes}`;
  const deadline = performance.now() + retryForMs;
  let doubt: unknown;
  const fail = (error: BusError) => (doubt === undefined ? error : outcomeUnknown(doubt));
  for (let attempt = 0; ; attempt++) {
    const { node, replicas } = await leaders.find(topic, partition, deadline).catch((error: unknown) => {
      throw fail(error instanceof BusError ? error : unavailable(what, error));
    });
    // While its leader was looked for the topic may have been deleted, and created anew with the same name.
    if (isWanted?.() === false) throw fail(BusError.topicDeleted(topic));
    const now = Date.now();
    let trouble: unknown;
    const request = produceRequest(topic, partition, records, now, replicasTimeoutMs);
    const answer = await client.ask(node, lane, request, requestTimeoutMs).catch((error: unknown) => {
      if (error instanceof LinkFailure && !error.sent) {
        trouble = error;
        return undefined;
      }
      leaders.forget(topic);
      throw outcomeUnknown(error);
    });
    if (answer !== undefined) {
      if (answer.error === codes.NONE) return appended(answer, now);
      trouble = refused(answer.error, what, topic);
      if (answer.error === codes.REQUEST_TIMED_OUT || answer.error === codes.NOT_ENOUGH_REPLICAS_AFTER_APPEND) {
        throw outcomeUnknown(trouble);
      }
      if (!isPassing(answer.error)) throw fail(refused(answer.error, what, topic));
      if (replicas > 1 && deposed.has(answer.error)) doubt = trouble;
    }
    leaders.forget(topic);
    if (performance.now() >= deadline) throw fail(exhausted(answer?.error, what, trouble));
    await pause(backoff(attempt, 1000), closing).catch((error: unknown) => {
      throw fail(unavailable(what, error));
    });
  }
}

const deposed = new Set<number>([codes.NOT_LEADER_OR_FOLLOWER, codes.KAFKA_STORAGE_ERROR]);

function exhausted(code: number | undefined, what: string, trouble: unknown): BusError {
  if (code === codes.KAFKA_STORAGE_ERROR) {
    return new BusError('STORAGE_FULL', `Kafka could not ${what}: its disk is full or broken`, { cause: trouble });
  }
  return unavailable(what, trouble);
}

function appended(answer: Produced, sentAt: number): Appended {
  return { baseOffset: answer.baseOffset, timestamp: answer.logAppendTime < 0 ? sentAt : answer.logAppendTime };
}
