// The server that the conformance suite tests: the product's listener and adapter, with the suite's service and nothing else. Reads one
// length-prefixed ServerCompatRequest from stdin and answers on stdout; ends at once on SIGTERM.
// usage: node --import tsx test/conformance/server.ts descriptors.binpb
// CONFORMANCE_FAST_LANE=off: unary calls go the adapter's way. CONFORMANCE_LOG=1: says on stderr what goes wrong on connections.
import { Buffer } from 'node:buffer';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { callOptions } from '../../src/transports/connect/call-options.js';
import { nodeAdapter } from '../../src/transports/connect/node-adapter.js';
import { send } from '../../src/transports/http/problem.js';
import { route } from '../../src/transports/http/route.js';
import { router } from '../../src/transports/http/router.js';
import { operateRoutes } from '../../src/transports/http/routes/operate.js';
import { listen } from '../../src/transports/listener.js';
import { loadSuite } from './messages.js';
import { conformanceService } from './service.js';

async function readPrefixed(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const input = Buffer.concat(chunks);
  return input.subarray(4, 4 + input.readUInt32BE(0));
}

function writePrefixed(message: Uint8Array): void {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(message.length);
  process.stdout.write(Buffer.concat([size, message]));
}

process.on('SIGTERM', () => process.exit(0));

const suite = loadSuite(process.argv[2] ?? '');
const request = fromBinary(suite.compatRequest, await readPrefixed());
const service = conformanceService(suite);
const { useTls, serverCreds, clientTlsCert, messageReceiveLimit } = request;
const readiness = () => ({ ready: true, dependencies: [] });
const root = route({
  method: 'GET',
  path: '/',
  operation: { id: 'root', summary: 'What h2spec asks for', tag: 'operate', responses: {} },
  query: {},
  handle: ({ response }) => send(response, 200, 'conformance\n', { 'content-type': 'text/plain' }),
});
const plain = router({ routes: [root, ...operateRoutes(readiness)], onInternalError: console.error });

const listener = await listen({
  host: '127.0.0.1',
  port: 0,
  tls:
    useTls && serverCreds
      ? {
          cert: Buffer.from(serverCreds.cert),
          key: Buffer.from(serverCreds.key),
          clientCa: clientTlsCert.length > 0 ? Buffer.from(clientTlsCert) : undefined,
        }
      : undefined,
  handler: nodeAdapter({
    ...callOptions,
    // Not `explain`: the suite takes the details that it adds to connect's own errors for something that no handler sent.
    fastLane: process.env.CONFORMANCE_FAST_LANE !== 'off',
    routes: (router) => void router.service(suite.service, service),
    // Late, for h2spec: a frame that it sends behind a request has to find the stream half closed, not closed.
    fallback: (...call) => void setTimeout(() => plain(...call), 200),
    onError: (error, method) => console.error(method, error),
    readMaxBytes: messageReceiveLimit || callOptions.readMaxBytes,
    jsonOptions: { ...callOptions.jsonOptions, registry: suite.registry },
  }),
  onError: (error) => {
    if (process.env.CONFORMANCE_LOG) console.error(error);
  },
});

const pemCert = useTls && serverCreds ? serverCreds.cert : new Uint8Array();
writePrefixed(
  toBinary(
    suite.compatResponse,
    create(suite.compatResponse, { host: listener.address, port: listener.port, pemCert }),
  ),
);
