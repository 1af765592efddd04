import { createServer, type Socket } from 'node:net';

/** A request as it comes over the wire. */
export interface BrokerRequest {
  readonly apiKey: number;
  readonly correlationId: number;
  readonly socket: Socket;
}

/** Speaks just enough of Kafka's protocol to shake hands, and does with everything else what it is told: for what no real broker can be made to do. */
export interface FakeBroker {
  readonly port: number;
  /** Resolves with the next request that is not a handshake. */
  next(): Promise<BrokerRequest>;
  close(): Promise<void>;
}

const apiVersions = 18;
/** What it claims to support: Metadata, and the handshake itself. */
const versions = [
  [3, 0, 12],
  [apiVersions, 0, 3],
] as const;

export async function startFakeBroker(options: { readonly silent?: boolean } = {}): Promise<FakeBroker> {
  const sockets = new Set<Socket>();
  const requests: BrokerRequest[] = [];
  const waiting: ((request: BrokerRequest) => void)[] = [];

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const request = { apiKey: pending.readInt16BE(4), correlationId: pending.readInt32BE(8), socket };
        const version = pending.readInt16BE(6);
        pending = pending.subarray(4 + pending.readInt32BE(0));
        if (options.silent) continue;
        if (request.apiKey === apiVersions) socket.write(answerTo(request.correlationId, handshake(version)));
        else (waiting.shift() ?? requests.push.bind(requests))(request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    port: address.port,
    next: () =>
      new Promise((resolve) => {
        const request = requests.shift();
        if (request === undefined) waiting.push(resolve);
        else resolve(request);
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An answer with its length and header. */
export function answerTo(correlationId: number, body: Buffer): Buffer {
  const frame = Buffer.alloc(8 + body.length);
  frame.writeInt32BE(4 + body.length, 0);
  frame.writeInt32BE(correlationId, 4);
  body.copy(frame, 8);
  return frame;
}

function handshake(version: number): Buffer {
  const compact = version >= 3;
  const entries = versions.map((numbers) => {
    const entry = Buffer.alloc(compact ? 7 : 6);
    numbers.forEach((number, i) => void entry.writeInt16BE(number, 2 * i));
    return entry;
  });
  const count = Buffer.alloc(compact ? 1 : 4);
  if (compact) count.writeInt8(versions.length + 1);
  else count.writeInt32BE(versions.length);
  const throttle = Buffer.alloc(version === 0 ? 0 : compact ? 5 : 4);
  return Buffer.concat([Buffer.alloc(2), count, ...entries, throttle]);
}
