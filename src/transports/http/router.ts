import findMyWay from 'find-my-way';
import { BusError } from '../../core/errors.js';
import type { HttpHandler, HttpRequest, HttpResponse } from '../node-http.js';
import type { OnInternalError } from '../served.js';
import { ProblemError, sendError, sendProblem } from './problem.js';
import type { AnyRoute } from './route.js';

export interface RouterOptions {
  readonly routes: readonly AnyRoute[];
  /** Hears the cause of every `internal` error, which the caller does not. */
  readonly onInternalError: OnInternalError;
}

/** The longest name in a path, percent-encoded. */
const maxParamLength = 1_024;
const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;

/** Serves plain routes: finds the route by path and method, reads the query, answers what goes wrong. */
export function router({ routes, onInternalError }: RouterOptions): HttpHandler {
  const table = findMyWay({ maxParamLength, onBadUrl: () => undefined });
  for (const route of routes) {
    table.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ':$1'), () => undefined, route);
  }

  const find = (method: (typeof methods)[number], path: string) => {
    const found = table.find(method, path);
    // What `store` holds is what `on` was given.
    return found?.store ? { route: found.store as AnyRoute, params: found.params } : undefined;
  };

  return (request, response) => {
    const [path = '/', search = ''] = split(originForm(request.url ?? '/'));
    const asked = request.method ?? 'GET';
    const method = asked === 'HEAD' ? 'GET' : methods.find((each) => each === asked);
    const found = method && find(method, path);
    if (!found) {
      const offered = methods.filter((each) => find(each, path));
      sendUnfound(response, asked, path, offered);
      return;
    }
    const { route, params } = found;
    const decoded = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, value ?? '']));
    const fail = (error: unknown) => {
      if (error instanceof ProblemError && !response.headersSent) {
        sendProblem(response, error.problem, error.headers);
        return;
      }
      const known = BusError.from(error);
      if (known.reason === 'INTERNAL') onInternalError(known.cause ?? known, `${route.method} ${route.path}`);
      if (response.headersSent) response.destroy();
      else sendError(response, known);
    };
    try {
      const exchange = { request, response, params: decoded, signal: untilGone(response), origin: originOf(request) };
      Promise.resolve(route.serve(exchange, new URLSearchParams(search))).catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}

/** What follows scheme and host, which a client that takes this server for a proxy sends too (RFC 9112, 3.2.2). */
function originForm(target: string): string {
  return /^https?:\/\/[^/?#]*(.*)$/is.exec(target)?.[1] || target;
}

function split(url: string): [string, string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

function sendUnfound(response: HttpResponse, asked: string, path: string, offered: readonly string[]): void {
  const shown = path.slice(0, 200);
  if (path === '*' && asked === 'OPTIONS') {
    // About the server as a whole (RFC 9110, 9.3.7).
    response.writeHead(204, { allow: ['GET', 'HEAD', 'POST', 'OPTIONS'].join(', ') });
    response.end();
    return;
  }
  if (!isDecodable(path)) {
    const detail = `the path ${shown} is not percent-encoded UTF-8`;
    sendError(response, new BusError('INVALID_REQUEST', detail, { metadata: { field: 'path' } }));
    return;
  }
  if (offered.length === 0) {
    const detail = `there is nothing at ${shown}; plain routes are at /v1/…, calls at /package.Service/Method: see /`;
    sendProblem(response, { status: 404, title: 'Not Found', detail });
    return;
  }
  const allow = [...offered.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])), 'OPTIONS'].join(', ');
  if (asked === 'OPTIONS') {
    response.writeHead(204, { allow });
    response.end();
    return;
  }
  const detail = `${shown} does not take ${asked.slice(0, 20)}; it takes ${allow}`;
  sendProblem(response, { status: 405, title: 'Method Not Allowed', detail }, { allow });
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

function untilGone(response: HttpResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new BusError('CANCELLED', 'the client is gone'));
  });
  return gone.signal;
}

function originOf(request: HttpRequest): string {
  const asked = String(request.headers[':authority'] ?? request.headers.host ?? '');
  // It is shown in commands to copy, and so must not be able to say anything else.
  const host = /^[\w.:[\]-]{1,255}$/.test(asked) ? asked : 'localhost';
  const secure = 'encrypted' in request.socket && request.socket.encrypted === true;
  return `${secure ? 'https' : 'http'}://${host}`;
}
