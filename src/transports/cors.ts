import { cors } from '@connectrpc/connect';
import type { HttpHandler, HttpRequest, HttpResponse } from './node-http.js';
import { addVary } from './vary.js';

/** What pages may read of an answer beside what browsers show them anyway. */
const exposed = [...cors.exposedHeaders, 'Retry-After', 'Allow'].join(', ');
const methods = 'GET, HEAD, POST, PUT, DELETE';
/** For what a browser remembers an answer to its question; none remembers longer. */
const maxAgeSeconds = 7_200;
/** Header names as a browser lists them. */
const headerNames = /^[\w!#$%&'*+.^`|~-]+(\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/**
 * Lets pages of these origins (`*`: any) use everything that the handler serves, calls and plain routes alike (Fetch, CORS protocol). Without credentials: the bus knows none that
 * a browser would send by itself, so which headers a page sends is its own matter. Neither does it say that pages of public sites may reach a private
 * network (Private Network Access): they may not.
 */
export function withCors(handler: HttpHandler, origins: readonly string[]): HttpHandler {
  if (origins.length === 0) return handler;
  const any = origins.includes('*');
  const { stream } = handler;

  const handle = (request: HttpRequest, response: HttpResponse) => {
    const { origin } = request.headers;
    // Also for who has no origin, or another one: a cache must not give its answer to a page that may.
    if (!any) addVary(response, 'Origin');
    if (origin !== undefined && (any || origins.includes(origin))) {
      response.setHeader('Access-Control-Allow-Origin', any ? '*' : origin);
      response.setHeader('Access-Control-Expose-Headers', exposed);
      if (isPreflight(request)) {
        answerPreflight(request, response);
        return;
      }
    }
    handler(request, response);
  };
  // Calls of pages go the long way, on which their headers are added.
  const inPage: HttpHandler['stream'] =
    stream &&
    ((http2Stream, headers, otherwise, onError) =>
      headers.origin === undefined ? stream(http2Stream, headers, otherwise, onError) : otherwise());
  return Object.assign(handle, { stream: inPage });
}

function isPreflight({ method, headers }: HttpRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function answerPreflight(request: HttpRequest, response: HttpResponse): void {
  const asked = request.headers['access-control-request-headers'];
  addVary(response, 'Access-Control-Request-Headers');
  response.writeHead(204, {
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Max-Age': maxAgeSeconds,
    ...(typeof asked === 'string' && headerNames.test(asked) && { 'Access-Control-Allow-Headers': asked }),
  });
  response.end();
}
