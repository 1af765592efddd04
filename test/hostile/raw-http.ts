import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection to a local server; errors on it are what a hostile client expects. */
export async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
}

/** Sends bytes as they are; resolves with all that comes until the server closes, or closes a kept-alive connection itself after the first answer. */
export async function rawRequest(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = await open(port);
  socket.end(bytes);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}
