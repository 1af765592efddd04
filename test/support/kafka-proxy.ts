import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What the proxy does with a request for the API that it watches. */
export type Verdict =
  | 'pass'
  /** The broker gets it; its answer and the connection are lost. */
  | 'lose answer'
  /** The broker does not get it, and the connection is lost. */
  | 'hold'
  /** The broker does not get it, and nothing comes back. */
  | 'swallow'
  /** The broker gets it, and its answer is changed. */
  | { readonly change: (answer: Buffer) => Buffer }
  /** The broker does not get it: this is the answer, without its header. */
  | { readonly answer: Buffer };

/** A TCP proxy that understands Kafka's framing: for what only a network, or a leader that is just deposed, can do to a request. */
export interface KafkaProxy {
  readonly address: string;
  /** Requests for `watch` that were not passed on, as they came. */
  readonly held: Buffer[];
  /** Which API is watched, 0 (Produce) by default, and what becomes of its requests; a request beyond the verdicts passes. */
  judge(verdicts: readonly Verdict[] | ((request: number) => Verdict), watch?: number): void;
  /** Sends a request to the broker now, on a connection of its own; the answer without its header. */
  deliver(request: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

/** @param target where the broker listens, known when somebody connects */
export async function startKafkaProxy(target: () => string): Promise<KafkaProxy> {
  const sockets = new Set<Socket>();
  const held: Buffer[] = [];
  let verdictOf: (request: number) => Verdict = () => 'pass';
  let watched = 0;
  let seen = 0;

  const toBroker = () => {
    const [host = '', port = ''] = target().split(':');
    return keep(connect(Number(port), host));
  };
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };

  const server = createServer((near) => {
    keep(near);
    const far = toBroker();
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    const verdicts = new Map<number, Verdict>();
    onFrames(near, (frame) => {
      const correlation = frame.readInt32BE(8);
      const verdict = frame.readInt16BE(4) === watched ? verdictOf(seen++) : 'pass';
      if (verdict === 'hold' || verdict === 'swallow') {
        held.push(frame);
        if (verdict === 'hold') near.destroy();
      } else if (typeof verdict === 'object' && 'answer' in verdict) {
        const head = Buffer.alloc(8);
        head.writeInt32BE(4 + verdict.answer.length, 0);
        head.writeInt32BE(correlation, 4);
        near.write(Buffer.concat([head, verdict.answer]));
      } else {
        if (verdict !== 'pass') verdicts.set(correlation, verdict);
        far.write(frame);
      }
    });
    onFrames(far, (frame) => {
      const verdict = verdicts.get(frame.readInt32BE(4)) ?? 'pass';
      if (verdict === 'lose answer') near.destroy();
      else if (typeof verdict === 'object' && 'change' in verdict) {
        near.write(Buffer.concat([frame.subarray(0, 8), verdict.change(frame.subarray(8))]));
      } else near.write(frame);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an AddressInfo once it listens.
  const { port } = server.address() as AddressInfo;

  return {
    address: `127.0.0.1:${port}`,
    held,
    judge: (verdicts, watch = 0) => {
      verdictOf = typeof verdicts === 'function' ? verdicts : (request) => verdicts[request] ?? 'pass';
      watched = watch;
      seen = 0;
    },
    deliver: (request) =>
      new Promise((resolve, reject) => {
        const socket = toBroker();
        socket.on('error', reject);
        onFrames(socket, (frame) => {
          socket.destroy();
          resolve(frame.subarray(8));
        });
        socket.write(request);
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Calls back with each frame, its length in front. */
function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const end = 4 + pending.readInt32BE(0);
      take(pending.subarray(0, end));
      pending = pending.subarray(end);
    }
  });
}
