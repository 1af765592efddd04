import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { storedHeaders } from '../events.js';
import { answerCommands } from '../process/commands.js';
import { readBack } from './direct-loops.js';
import { naturalBatches } from './natural-batches.js';
import { createTopic, openLog } from './open-log.js';

// Reference: what plain node:http2 costs. `POST /append` awaits an append of its body; `GET /stream/<topic>`
// stays open, and `POST /emit/<topic>` writes its body to all of that topic.
const [place = '', topic = 'bench', partitions = '4'] = process.argv.slice(2);
const log = await openLog(place);
await createTopic(log, topic, Number(partitions));
const append = Array.from({ length: Number(partitions) }, (_, partition) => naturalBatches(log, topic, partition));
const followers = new Map<string, Set<ServerHttp2Stream>>();
let turn = 0;

function onAppend(stream: ServerHttp2Stream, body: Buffer): void {
  const partition = turn++ % append.length;
  append[partition]?.({ key: null, value: body, headers: storedHeaders }).then(
    (offset) => {
      const answer = Buffer.allocUnsafe(12);
      answer.writeUInt32BE(partition);
      answer.writeBigInt64BE(BigInt(offset), 4);
      stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
      stream.end(answer);
    },
    () => {
      stream.respond({ ':status': 500 });
      stream.end();
    },
  );
}

const server = createServer({
  settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 1000 },
  maxSessionMemory: 64,
});
server.on('session', (session: ServerHttp2Session) => session.setLocalWindowSize(8 * 1024 * 1024));
server.on('stream', (stream: ServerHttp2Stream, head) => {
  stream.on('error', () => undefined);
  const [, what = '', topicName = ''] = (head[':path'] ?? '').split('/');
  const streams = followers.get(topicName) ?? new Set();
  followers.set(topicName, streams);
  if (what === 'stream') {
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    return;
  }
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('end', () => {
    const body = parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
    if (what === 'append') return onAppend(stream, body);
    for (const each of streams) each.write(body);
    stream.respond({ ':status': 200 });
    stream.end();
  });
});

const commands = {
  port: (): Promise<number> =>
    new Promise((resolve) => {
      // A TCP server's address is an AddressInfo once it listens.
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
  readBack: () => readBack(log, topic, Number(partitions)),
};
export type RawHttp2Commands = typeof commands;
answerCommands(commands);
