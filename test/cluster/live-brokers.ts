import { connect } from 'node:net';

const metadata = 3;
const version = 1;
const silentMs = 2000;

/**
 * The ids of the brokers that are alive as this broker sees it. A client library asks any broker of the cluster instead, and
 * another broker still lists one that was killed a moment ago.
 */
export async function liveBrokers(address: string): Promise<number[]> {
  const request = Buffer.alloc(18);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(metadata, 4);
  request.writeInt16BE(version, 6);
  request.writeInt32BE(1, 8);
  // No client id, and no topics.
  request.writeInt16BE(-1, 12);
  const answer = await exchange(address, request);
  const ids: number[] = [];
  let at = 4;
  const count = answer.readInt32BE(at);
  at += 4;
  for (let i = 0; i < count; i++) {
    ids.push(answer.readInt32BE(at));
    at += 4;
    at += 2 + answer.readInt16BE(at);
    at += 4;
    at += 2 + Math.max(0, answer.readInt16BE(at));
  }
  return ids;
}

/** Sends one request on a connection of its own, and returns the answer without its length. */
function exchange(address: string, request: Buffer): Promise<Buffer> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host ?? '127.0.0.1', () => socket.write(request));
    let answer = Buffer.alloc(0);
    socket.setTimeout(silentMs, () => socket.destroy(new Error(`${address} did not answer within ${silentMs} ms`)));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      resolve(answer.subarray(4));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${address} closed the connection without an answer`)));
  });
}
