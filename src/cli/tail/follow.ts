import { setTimeout as sleep } from 'node:timers/promises';
import { EndReason, type Frame, type MainstemClient, MainstemError, type SubscribeInput } from '../../client/index.js';

export interface FollowOptions {
  /** Ends the stream, without an error. */
  readonly signal: AbortSignal;
  /** Whether to connect again when the server stops or the connection breaks. A first attempt is never repeated. */
  readonly reconnect: boolean;
  /** Called before each new attempt, while nothing is streaming. */
  beforeReconnect(): Promise<void>;
  /** What is worth telling a person. */
  say(text: string): void;
}

const firstDelayMs = 250;
const longestDelayMs = 5_000;

/**
 * The frames of a topic across connections: after a break it goes on from the last cursor, so that frames which the caller has
 * taken do not come again (a durable subscriber goes on from its committed position instead).
 */
export async function* followTopic(
  client: Pick<MainstemClient, 'subscribe'>,
  input: SubscribeInput,
  options: FollowOptions,
): AsyncGenerator<Frame> {
  let cursor: string | undefined;
  let received = 0;
  let attempt = 0;
  for (;;) {
    let why: string;
    let delayMs = 0;
    try {
      const request: SubscribeInput = {
        ...input,
        ...(cursor === undefined ? {} : { from: { cursor } }),
        ...(input.limit === undefined ? {} : { limit: input.limit - received }),
      };
      why = 'the stream ended without a reason';
      for await (const frame of client.subscribe(request, { signal: options.signal })) {
        if (frame.case === 'ready') {
          if (attempt > 0) options.say('connected again');
          attempt = 0;
        }
        if (frame.case === 'events') received += frame.value.records.length;
        if (frame.case !== 'assignment') cursor = frame.value.cursor;
        yield frame;
        if (frame.case !== 'end') continue;
        if (frame.value.reason !== EndReason.SHUTTING_DOWN || !options.reconnect) return;
        why = 'the server is shutting down';
        delayMs = Number(frame.value.retryDelay?.seconds ?? 0n) * 1000 + (frame.value.retryDelay?.nanos ?? 0) / 1e6;
      }
      if (!options.reconnect) throw lost(why);
    } catch (thrown) {
      if (options.signal.aborted) return;
      const error = MainstemError.from(thrown);
      // The server can cancel too: a stream that it resets while going down ends that way.
      const transient = error.retryable || error.reason === 'CANCELLED';
      if (!options.reconnect || cursor === undefined || !transient) throw error;
      why = error.message;
      delayMs = error.retryDelayMs ?? 0;
    }
    if (options.signal.aborted || received === input.limit) return;
    if (attempt === 0) options.say(`${why}; connecting again from the last cursor`);
    const backoff = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt, 10)) * (0.75 + Math.random() / 2);
    attempt++;
    await sleep(Math.max(delayMs, backoff), undefined, { signal: options.signal }).catch(() => undefined);
    if (options.signal.aborted) return;
    await options.beforeReconnect();
  }
}

function lost(message: string): MainstemError {
  return new MainstemError({ code: 'unavailable', reason: 'CONNECTION_LOST', message, retryable: true });
}
