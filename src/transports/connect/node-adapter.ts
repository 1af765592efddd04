import {
  type ConnectRouter,
  type ConnectRouterOptions,
  createConnectRouter,
  createContextValues,
} from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest } from '@connectrpc/connect-node';
import type { Client } from '../client-room.js';
import { askForBody } from '../expect-continue.js';
import type { HttpHandler, HttpRequest, HttpResponse } from '../node-http.js';
import { createOpenStreams, type OpenStreams } from '../open-streams.js';
import { watchStalls } from '../stalled-client.js';
import { createLane } from './lane/lane.js';
import { type DirectMethods, recordMethods } from './lane/lane-methods.js';
import { readAhead, wholeBody } from './lane/read-ahead.js';
import { type Explain, explainedEnding } from './own-errors.js';
import { stallWatch } from './stall-context.js';

export interface AdapterOptions extends ConnectRouterOptions {
  readonly routes: (router: ConnectRouter) => void;
  /** Everything that is no call. */
  readonly fallback: HttpHandler;
  /** A call that could not be answered for a reason of the server's own. */
  readonly onError: (error: unknown, method: string) => void;
  /** Says more about the errors that connect itself answers with. */
  readonly explain?: Explain | undefined;
  /** Whether usual calls over HTTP/2 take the short way, see lane/. Default true. */
  readonly fastLane?: boolean | undefined;
  /** Methods that the short way can serve without messages. */
  readonly direct?: DirectMethods | undefined;
  /** How long a client on HTTP/1.1 may take nothing of what waits for it, see stalled-client. Milliseconds; default 30,000. */
  readonly stalledMs?: number | undefined;
  /** The answers under way, for a server that stops. */
  readonly streams?: OpenStreams | undefined;
}

/**
 * Serves connect's routes on Node, as connect-node's own adapter does, with three differences: a stream whose client is gone ends even where
 * it waited for the client to read; a request that is answered before it was read whole keeps its connection; and errors go to `onError`.
 */
export function nodeAdapter(adapterOptions: AdapterOptions): HttpHandler {
  const { routes, fallback, onError, fastLane = true, direct, stalledMs, ...rest } = adapterOptions;
  const { explain = () => undefined, streams = createOpenStreams(), ...options } = rest;
  const { router, methods } = recordMethods(createConnectRouter(options), options, direct);
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const handle = (request: HttpRequest, response: HttpResponse) => {
    const handler = handlers.get(request.url?.split('?', 1)[0] ?? '');
    if (handler === undefined) return fallback(request, response);
    askForBody(request, response);
    const client = streams.watch('stream' in response ? response.stream : response);
    const values = createContextValues().set(stallWatch, watchStalls(request, response, stalledMs));
    const call = {
      ...universalRequestFromNodeRequest(request, response, undefined, values),
      body: bodyOf(request),
    };
    handler(call)
      .then((answer) => respond(answer, response, client, explain))
      .catch((error: unknown) => {
        onError(error, `${handler.service.typeName}/${handler.method.name}`);
        response.destroy();
      });
  };
  return Object.assign(handle, { stream: fastLane ? createLane(methods, explain, streams) : undefined });
}

function bodyOf(request: HttpRequest): AsyncIterable<Uint8Array> {
  const body: AsyncIterableIterator<Uint8Array> = request.iterator({ destroyOnReturn: false });
  const begun = 'stream' in request ? readAhead.get(request.stream) : undefined;
  return 'stream' in request && begun ? wholeBody(request.stream, begun, body) : body;
}

/** Writes an answer as fast as the client reads. Resolves when all is written, or when there is nobody to write to. */
async function respond(
  answer: UniversalServerResponse,
  response: HttpResponse,
  client: Client,
  explain: Explain = () => undefined,
): Promise<void> {
  const ending = explainedEnding(answer, explain);
  const body = answer.body?.[Symbol.asyncIterator]();
  try {
    // The first message before the headers: whoever makes it may still set some.
    let chunk = await body?.next();
    if (client.gone) return;
    let bytes = chunk?.done === false ? ending.chunk(chunk.value) : undefined;
    response.writeHead(answer.status, Object.fromEntries(answer.header ?? []));
    while (bytes !== undefined) {
      if (!response.write(bytes)) await client.room();
      if (client.gone) return;
      chunk = await body?.next();
      if (client.gone) return;
      bytes = chunk?.done === false ? ending.chunk(chunk.value) : undefined;
    }
    ending.trailer();
    if (answer.trailer) response.addTrailers(Object.fromEntries(answer.trailer));
    response.end();
  } finally {
    body?.return?.().catch(() => undefined);
  }
}
