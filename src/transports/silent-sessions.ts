import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Looks after HTTP/2 sessions whose client may be gone without a word. */
export interface SilentSessions {
  watch(session: ServerHttp2Session, socket: Socket): void;
  close(): void;
}

interface Watched {
  readonly socket: Socket;
  bytesRead: number;
  /** A PING was sent at the last look. */
  asked: boolean;
}

/** So many looks fit into the time that a client may be silent: one that may still have found bytes, one that sends the PING, one that misses the answer. */
const looks = 3;

/**
 * Ends sessions whose client has been silent for `silenceMs` and does not answer a PING (RFC 9113, 6.7) within a third of that. Whoever has sent anything since the last
 * look is alive and is not asked, so that busy connections cost nothing. A stopped client answers no PING, however open its connection is; a slow one does,
 * since flow control does not hold PINGs up.
 */
export function watchSilence(silenceMs: number): SilentSessions {
  const sessions = new Map<ServerHttp2Session, Watched>();
  const everyMs = silenceMs / looks;
  let lastLook = performance.now();

  function look(session: ServerHttp2Session, watched: Watched): void {
    const { socket } = watched;
    // The answer to a PING is bytes, too.
    const heard = socket.bytesRead !== watched.bytesRead;
    watched.bytesRead = socket.bytesRead;
    if (heard) {
      watched.asked = false;
    } else if (!watched.asked) {
      watched.asked = session.ping(() => undefined);
    } else {
      session.destroy();
      // A session that is being closed in an orderly way would wait for its client.
      socket.destroy();
    }
  }

  const timer = setInterval(() => {
    const now = performance.now();
    // After a pause of this process the answers are still to be read: nobody is silent because this server was.
    const late = now - lastLook > everyMs * 1.5;
    lastLook = now;
    for (const [session, watched] of sessions) {
      if (late) {
        watched.asked = false;
      } else if (!session.destroyed) look(session, watched);
    }
  }, everyMs).unref();

  return {
    watch(session, socket) {
      sessions.set(session, { socket, bytesRead: socket.bytesRead, asked: false });
      session.once('close', () => sessions.delete(session));
    },
    close: () => clearInterval(timer),
  };
}
