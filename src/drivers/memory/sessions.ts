import type { Clock, Timer } from '../../core/ports/clock.js';
import { CoordinationError, type Path } from '../../core/ports/coordination.js';
import type { Records } from './records.js';

/** The sessions as the world has them: one that is not renewed in time ends, and its ephemerals vanish. */
export interface Sessions {
  open(timeoutMs: number): string;
  /** False where it has ended. */
  renew(id: string): boolean;
  createEphemeral(id: string, path: Path, value: Uint8Array): void;
  end(id: string): void;
  isOpen(id: string): boolean;
}

export function createSessions(records: Records, clock: Clock): Sessions {
  const open = new Map<string, { readonly timeoutMs: number; until: number; timer: Timer | undefined }>();

  function end(id: string): void {
    const session = open.get(id);
    if (session === undefined) return;
    session.timer?.close();
    open.delete(id);
    records.vanish(id);
  }

  /** One timer at a time: it looks whether the session has been renewed meanwhile. */
  function watchOver(id: string): void {
    const session = open.get(id);
    if (session === undefined) return;
    const left = session.until - clock.now();
    if (left <= 0) end(id);
    else session.timer = clock.setTimeout(() => watchOver(id), left).unref();
  }

  return {
    open(timeoutMs) {
      const id = clock.uuid();
      open.set(id, { timeoutMs, until: clock.now() + timeoutMs, timer: undefined });
      watchOver(id);
      return id;
    },
    renew(id) {
      const session = open.get(id);
      if (session === undefined) return false;
      session.until = clock.now() + session.timeoutMs;
      return true;
    },
    createEphemeral(id, path, value) {
      if (!open.has(id)) throw new CoordinationError('session_lost', 'the session has ended');
      records.create(path, value, id);
    },
    end,
    isOpen: (id) => open.has(id),
  };
}
