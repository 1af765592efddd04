import { performance } from 'node:perf_hooks';
import { CoordinationError, type Session } from '../../core/ports/coordination.js';

/** How long this process may act as the holder of a session, by its own monotonic clock. */
export interface Lease {
  readonly lost: AbortSignal;
  isLive(): boolean;
  /** The server has answered what was sent then (performance.now()): the session lives at least for its timeout from then on. */
  renew(sentAt: number): void;
  /** Ends it, if it is not over yet. */
  end(why: string): void;
}

/**
 * A lease of two thirds of the session's timeout from the *sending* of what was answered last: the server counts from its receipt, so that the
 * lease is over first, with a third of the timeout to spare. Once over it is never renewed. `over` is called once.
 */
export function openLease(sentAt: number, sessionTimeoutMs: number, over: (why: string) => void): Lease {
  const term = (sessionTimeoutMs * 2) / 3;
  const abort = new AbortController();
  let until = sentAt + term;
  let timer = setTimeout(check, Math.max(0, until - performance.now()));

  function check(): void {
    const left = until - performance.now();
    if (left > 0) timer = setTimeout(check, left);
    else end(`ZooKeeper has not answered for ${Math.round(term)} ms`);
  }

  function end(why: string): void {
    if (abort.signal.aborted) return;
    clearTimeout(timer);
    abort.abort(new CoordinationError('session_lost', `the ZooKeeper session is lost: ${why}`));
    over(why);
  }

  return {
    lost: abort.signal,
    isLive: () => !abort.signal.aborted && performance.now() < until,
    renew: (answered) => {
      if (abort.signal.aborted) return;
      // Answers that come after the term (the process was stopped meanwhile) are too late: somebody may have been told already.
      if (performance.now() >= until) check();
      else until = Math.max(until, answered + term);
    },
    end,
  };
}

/** The session as the core sees it. */
export function toSession(id: string, lease: Lease, createEphemeral: Session['createEphemeral']): Session {
  return { id, lost: lease.lost, isLive: lease.isLive, createEphemeral };
}
