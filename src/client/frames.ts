import { EndReason } from '../gen/mainstem/v1/subscribe_pb.js';
import { type BackoffOptions, backoffMs, pause } from './backoff.js';
import type { CallOptions } from './calls.js';
import { durationMs, MainstemError } from './errors.js';
import type { Frame, StartFrom } from './subscribe.js';

/** What `resumingFrames` needs to know of a request. */
export interface Resumable {
  readonly from?: StartFrom | undefined;
  readonly limit?: number | undefined;
  /** One that has a name resumes where it has committed, not at the last cursor. */
  readonly subscriber?: string | undefined;
}

export interface ResumeOptions extends BackoffOptions {
  /** Ends the stream, without an error. */
  readonly signal: AbortSignal;
  /** Whether to connect again when the server stops or the connection breaks. Default true. */
  readonly reconnect?: boolean | undefined;
  /** How long a first connection may be tried in vain before its error is thrown, in milliseconds. Default 0: once. */
  readonly patienceMs?: number | undefined;
  /** Called when a stream has ended and another attempt will follow; `attempt` counts those that failed since the last success. */
  onDisconnect?(why: MainstemError, waitMs: number, attempt: number): void;
  /** Called before each new attempt, while nothing is streaming. */
  beforeReconnect?(): Promise<void>;
}

/**
 * The frames of a subscription across connections: after a break it goes on from the last cursor, so that frames which the caller has taken do
 * not come again (a durable subscriber goes on from its committed position instead). Ends after an `end` frame that is final, and with the
 * signal; throws what trying again cannot cure.
 */
export async function* resumingFrames<I extends Resumable>(
  open: (input: I, options: CallOptions) => AsyncIterable<Frame>,
  input: I,
  options: ResumeOptions,
): AsyncGenerator<Frame, void, undefined> {
  const { signal, reconnect = true, patienceMs = 0 } = options;
  const begun = performance.now();
  let cursor: string | undefined;
  let received = 0;
  let attempt = 0;
  while (!signal.aborted) {
    let why = lost('the stream ended without a reason');
    try {
      const request: I = {
        ...input,
        ...(cursor && input.subscriber === undefined ? { from: { cursor } } : {}),
        ...(input.limit === undefined ? {} : { limit: input.limit - received }),
      };
      for await (const frame of open(request, { signal })) {
        if (frame.case === 'ready') attempt = 0;
        if (frame.case === 'events') received += frame.value.records.length;
        // It is empty while the stream has no partitions.
        cursor = frame.value.cursor || cursor;
        const again = frame.case === 'end' ? cameToAnEnd(frame.value.reason) : undefined;
        if (frame.case !== 'end' || again === undefined || !reconnect) yield frame;
        if (frame.case !== 'end') continue;
        if (again === undefined || !reconnect) return;
        why = lost(again, durationMs(frame.value.retryDelay));
      }
      if (!reconnect) throw why;
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof TypeError) throw thrown;
      why = MainstemError.from(thrown);
      // The server can cancel too: a stream that it resets while going down ends that way.
      const transient = why.retryable || why.reason === 'CANCELLED';
      const patient = cursor !== undefined || performance.now() - begun < patienceMs;
      if (!reconnect || !transient || !patient) throw why;
    }
    if (signal.aborted || received === input.limit) return;
    const waitMs = Math.max(why.retryDelayMs ?? 0, backoffMs(attempt, options));
    options.onDisconnect?.(why, waitMs, attempt++);
    await pause(waitMs, signal);
    if (!signal.aborted) await options.beforeReconnect?.();
  }
}

/** Why a stream that ended in an orderly way is to be opened again; undefined where it is not. */
function cameToAnEnd(reason: EndReason): string | undefined {
  if (reason === EndReason.SHUTTING_DOWN) return 'the server is shutting down';
  if (reason === EndReason.SUBSCRIBER_RESET) return 'the subscriber was reset';
  if (reason === EndReason.POSITIONS_NOT_SET) return 'the positions were not set within 30 s';
  return undefined;
}

function lost(message: string, retryDelayMs?: number): MainstemError {
  return new MainstemError({ code: 'unavailable', reason: 'CONNECTION_LOST', message, retryable: true, retryDelayMs });
}
