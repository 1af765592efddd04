import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { PublishService, PublishStreamResponseSchema } from '../../src/gen/mainstem/v1/publish_pb.js';
import { answerCommands } from '../process/commands.js';

// Reference: a stream of the same messages on connect-node, which are counted and dropped; one answer, at the end.
const adapter = connectNodeAdapter({
  routes(router) {
    router.service(PublishService, {
      async *publishStream(requests) {
        let count = 0n;
        for await (const request of requests) count += BigInt(request.events.length);
        yield create(PublishStreamResponseSchema, { sequence: count });
      },
    });
  },
  compressMinBytes: Number.MAX_SAFE_INTEGER,
});
const server = createServer({ settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 1000 } }, adapter);
server.on('session', (session) => session.setLocalWindowSize(8 * 1024 * 1024));

const commands = {
  port: (): Promise<number> =>
    new Promise((resolve) => {
      // A TCP server's address is an AddressInfo once it listens.
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
};
export type NoOpStreamCommands = typeof commands;
answerCommands(commands);
