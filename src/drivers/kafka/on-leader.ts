import { nameOf, type TopicRef } from '../../core/ports/topic-ref.js';
import { isPassing, refused, unavailable } from './errors.js';
import type { KafkaClient, Lane } from './kafka-client.js';
import { type Leaders, retryForMs } from './leaders.js';
import { requestTimeoutMs } from './metadata-cache.js';
import { abortable, backoff, pause } from './pause.js';
import { codes } from './protocol/codes.js';
import type { ChosenRequest, KafkaRequest } from './protocol/requests.js';

export interface LeaderMatter {
  readonly topic: TopicRef;
  readonly partition: number;
  /** For messages: `read from orders/0`. */
  readonly what: string;
  /** Error codes that are an answer. */
  readonly accept?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface LeaderQuestion<T extends { readonly error: number }> extends LeaderMatter {
  readonly lane: Lane;
  readonly request: KafkaRequest<T> | ChosenRequest<T>;
}

/**
 * Asks a partition's leader something that may be repeated: finds it, follows it when it moves, waits for it when it is gone, for
 * about 10 s at most. Throws TOPIC_NOT_FOUND, TOPIC_NOT_READY, LOG_UNAVAILABLE and what a broker refuses with; or the signal's reason.
 */
export function askLeader<T extends { readonly error: number }>(
  client: KafkaClient,
  leaders: Leaders,
  closing: AbortSignal,
  question: LeaderQuestion<T>,
): Promise<T> {
  const { lane, request } = question;
  return askLeaderBy(leaders, closing, question, (node) => client.ask(node, lane, request, requestTimeoutMs));
}

/** The same for a caller that asks the node in a way of its own, together with other questions. */
export async function askLeaderBy<T extends { readonly error: number }>(
  leaders: Leaders,
  closing: AbortSignal,
  question: LeaderMatter,
  ask: (node: number) => Promise<T>,
): Promise<T> {
  const { topic, partition, what, signal } = question;
  const deadline = performance.now() + retryForMs;
  const throwIfStopped = () => {
    signal?.throwIfAborted();
    closing.throwIfAborted();
  };
  for (let attempt = 0; ; attempt++) {
    throwIfStopped();
    const { node } = await abortable(leaders.find(topic, partition, deadline), signal);
    let trouble: unknown;
    try {
      const answer = await abortable(ask(node), signal);
      if (answer.error === codes.NONE || question.accept?.includes(answer.error)) return answer;
      trouble = refused(answer.error, what, nameOf(topic));
      if (!isPassing(answer.error)) throw trouble;
    } catch (error) {
      throwIfStopped();
      if (error === trouble) throw error;
      trouble = error;
    }
    leaders.forget(nameOf(topic));
    if (performance.now() >= deadline) throw unavailable(what, trouble);
    await abortable(pause(backoff(attempt, 1000), closing), signal);
  }
}
