import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createClient } from 'node-zookeeper-client';

/** A TCP link to a ZooKeeper that a test may break in the ways that networks do. */
export interface ZookeeperProxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Stops forwarding, both ways and also of new connections; nothing is closed. */
  freeze(): void;
  thaw(): void;
  /** Breaks what is connected. */
  cut(): void;
  /** Ends the session that was made last over this link, on the server, from outside. */
  endSession(): Promise<void>;
  close(): Promise<void>;
}

export async function openProxy(target: string): Promise<ZookeeperProxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  let frozen = false;
  let turnedAway = false;
  let last: { readonly id: Buffer; readonly password: Buffer } | undefined;

  const server = createServer((near) => {
    if (turnedAway) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), host);
    let first = true;
    const forward = (from: Socket, to: Socket, look: (chunk: Buffer) => void) => {
      sockets.add(from);
      if (frozen) from.pause();
      from.on('data', (chunk) => {
        look(chunk);
        to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        if (!frozen) to.destroy();
      });
    };
    forward(near, far, () => undefined);
    forward(far, near, (chunk) => {
      // A connect response: length, protocol version, timeout, session id, password; a timeout of 0 means that the session has expired.
      if (first && chunk.readInt32BE(8) > 0) {
        last = { id: chunk.subarray(12, 20), password: chunk.subarray(24, 40) };
      }
      first = false;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    // A TCP server's address is an AddressInfo once it listens.
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze: () => {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw: () => {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    cut,
    endSession: async () => {
      if (last === undefined) throw new Error('no session was made over this link');
      turnedAway = true;
      cut();
      const other = createClient(target, {
        sessionTimeout: 10_000,
        spinDelay: 100,
        retries: 0,
        sessionId: last.id,
        sessionPassword: last.password,
      });
      await new Promise<void>((resolve) => {
        other.on('connected', () => other.close());
        other.on('disconnected', resolve);
        other.on('expired', resolve);
        other.connect();
      });
      turnedAway = false;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
