import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP link whose answers come late: what the target sends is held back, in order; what goes to it is not. */
export interface LateLink {
  /** `127.0.0.1:port`: connect here instead. */
  readonly address: string;
  /** From now on, what the target sends arrives so much later. 0: at once. */
  lag(ms: number): void;
  close(): void;
}

/** @param target `host:port`, which need not listen yet */
export async function openLateLink(target: string): Promise<LateLink> {
  const [host, port] = target.split(':');
  const sockets = new Set<Socket>();
  let lagMs = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), host ?? '127.0.0.1');
    let lastAt = 0;
    const held: (() => void)[] = [];
    // Timers of different lengths may fire out of order: each lets the oldest chunk go, its own or not.
    const late = (deliver: () => void) => {
      const now = performance.now();
      lastAt = Math.max(lastAt, now + lagMs);
      held.push(deliver);
      setTimeout(() => held.shift()?.(), lastAt - now).unref();
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay();
      socket.on('close', () => sockets.delete(socket));
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => late(() => near.write(chunk)));
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => late(() => near.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an AddressInfo once it listens.
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${own}`,
    lag: (ms) => {
      lagMs = ms;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
