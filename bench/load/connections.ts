import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';

/** Opens HTTP/2 connections with windows large enough not to matter. */
export async function openConnections(port: number, count: number): Promise<ClientHttp2Session[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const session = connect(`http://127.0.0.1:${port}`, {
        settings: { initialWindowSize: 4 * 1024 * 1024, enablePush: false },
        maxSessionMemory: 1024,
      });
      session.on('error', () => undefined);
      await once(session, 'connect');
      session.setLocalWindowSize(64 * 1024 * 1024);
      return session;
    }),
  );
}

export async function closeConnections(sessions: readonly ClientHttp2Session[]): Promise<void> {
  await Promise.all(
    sessions.map(async (session) => {
      if (session.destroyed) return;
      session.destroy();
      await once(session, 'close');
    }),
  );
}
