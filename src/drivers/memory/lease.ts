import type { Clock, Timer } from '../../core/ports/clock.js';
import { CoordinationError, type Session } from '../../core/ports/coordination.js';
import { type Link, LinkFailure } from './link.js';
import type { Sessions } from './sessions.js';

/** How a client keeps a session open. */
export interface SessionKeeper {
  /** The current session, or the next one. */
  session(): Promise<Session>;
  /** Gives the current session up, as when it can no longer be kept: the world lets it last for its timeout. */
  lose(): void;
  /** Ends the session, in the world too. */
  close(): Promise<void>;
}

interface Kept {
  readonly session: Session;
  end(): void;
}

/**
 * Opens a session, renews it three times within its timeout, and opens another when it is lost. The client takes it as lost two thirds of
 * the timeout after it sent what was answered last, and so before the world does.
 *
 * @param changed told of each session that begins, and with undefined that it is over
 */
export function keepSession(
  sessions: Sessions,
  link: Link,
  clock: Clock,
  timeoutMs: number,
  changed: (session: Session | undefined) => void,
): SessionKeeper {
  const closing = new AbortController();
  let kept: Kept | undefined;
  let next = open();
  next.catch(() => undefined);

  async function open(): Promise<Session> {
    for (;;) {
      closing.signal.throwIfAborted();
      const sentAt = clock.now();
      try {
        const id = await link.call(() => sessions.open(timeoutMs));
        closing.signal.throwIfAborted();
        kept = keep(id, sentAt);
        changed(kept.session);
        return kept.session;
      } catch (error) {
        if (!(error instanceof LinkFailure)) throw error;
      }
      await clock.sleep(timeoutMs / 10, closing.signal);
    }
  }

  function keep(id: string, openedAt: number): Kept {
    const over = new AbortController();
    let until = openedAt + (timeoutMs * 2) / 3;
    let timers: Timer[] = [];
    const isLive = () => !over.signal.aborted && clock.now() < until;

    function end(): void {
      if (over.signal.aborted) return;
      for (const timer of timers) timer.close();
      over.abort(new CoordinationError('session_lost', 'the session has ended'));
      changed(undefined);
      if (closing.signal.aborted) return;
      next = open();
      next.catch(() => undefined);
    }

    async function renew(): Promise<void> {
      const sentAt = clock.now();
      const isOpen = await link.call(() => sessions.renew(id)).catch(() => undefined);
      if (!isLive() || isOpen === false) end();
      else if (isOpen) until = Math.max(until, sentAt + (timeoutMs * 2) / 3);
    }

    function look(): void {
      for (const timer of timers) timer.close();
      if (!isLive()) {
        end();
        return;
      }
      void renew();
      timers = [clock.setTimeout(look, timeoutMs / 3).unref(), clock.setTimeout(expire, until - clock.now()).unref()];
    }

    function expire(): void {
      if (!isLive()) end();
    }

    timers = [clock.setTimeout(look, timeoutMs / 3).unref()];
    return {
      end,
      session: {
        id,
        lost: over.signal,
        isLive,
        async createEphemeral(path, value) {
          if (!isLive()) throw new CoordinationError('session_lost', 'the session has ended');
          try {
            await link.call(() => sessions.createEphemeral(id, path, value));
          } catch (error) {
            throw toCoordinationError(error);
          }
        },
      },
    };
  }

  return {
    session: async () => (kept?.session.isLive() ? kept.session : next),
    lose: () => kept?.end(),
    async close() {
      closing.abort(new CoordinationError('unavailable', 'coordination is closed'));
      const ending = kept;
      if (ending === undefined) return;
      ending.end();
      await link.call(() => sessions.end(ending.session.id)).catch(() => undefined);
    },
  };
}

export function toCoordinationError(error: unknown): CoordinationError {
  if (error instanceof CoordinationError) return error;
  const why = error instanceof LinkFailure ? error.message : 'an unexpected failure';
  return new CoordinationError('unavailable', why, { cause: error });
}
