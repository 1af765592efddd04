import { isIP } from 'node:net';
import { BusError } from '../core/errors.js';
import type { HttpHandler, HttpRequest, HttpResponse } from './node-http.js';

type Headers = HttpRequest['headers'];

/**
 * Refuses what browsers ask of a host that is not this server's: for one that only this machine can reach. A site of any name can let that name resolve to
 * 127.0.0.1 (DNS rebinding); its pages would then be of the bus's own origin, and CORS no matter. An address, `localhost`, `*.localhost` (RFC 6761, 6.3) and the hosts
 * of `corsOrigins` are the server's; so is any host for a page of one of these origins. Programs that are no browser may call it what they like.
 *
 * @param corsOrigins whose pages may call; with `*` nothing is refused
 * @param refuse answers with the error, PERMISSION_DENIED
 */
export function refuseForeignHosts(
  handler: HttpHandler,
  corsOrigins: readonly string[],
  refuse: (request: HttpRequest, response: HttpResponse, error: BusError) => void,
): HttpHandler {
  if (corsOrigins.includes('*')) return handler;
  const ownNames = new Set(corsOrigins.map((origin) => hostnameOf(new URL(origin).host)));
  const { stream } = handler;

  const isRefused = (headers: Headers) =>
    isBrowsers(headers) && !corsOrigins.includes(headers.origin ?? '') && !isOwn(hostOf(headers), ownNames);
  const handle = (request: HttpRequest, response: HttpResponse) => {
    if (isRefused(request.headers)) refuse(request, response, foreignHost(hostOf(request.headers)));
    else handler(request, response);
  };
  const onStream: HttpHandler['stream'] =
    stream &&
    ((http2Stream, headers, otherwise, onError) =>
      isRefused(headers) ? otherwise() : stream(http2Stream, headers, otherwise, onError));
  return Object.assign(handle, { stream: onStream });
}

/**
 * Whether a request may come from a page. Not every one has an `Origin`: to what it takes for its own origin a page's GET has none, and over cleartext no
 * `Sec-Fetch-*` either. But every browser tells its language or calls itself Mozilla, and none lets a page prevent both.
 */
function isBrowsers(headers: Headers): boolean {
  return (
    headers.origin !== undefined ||
    headers['sec-fetch-site'] !== undefined ||
    headers['accept-language'] !== undefined ||
    headers['user-agent']?.startsWith('Mozilla/') === true
  );
}

function hostOf(headers: Headers): string {
  return String(headers[':authority'] ?? headers.host ?? '');
}

function isOwn(host: string, ownNames: ReadonlySet<string | undefined>): boolean {
  const name = hostnameOf(host);
  if (name === undefined) return false;
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || ownNames.has(name);
}

/** Without port, brackets and the dot at its end, in small letters. */
function hostnameOf(host: string): string | undefined {
  const found = /^(?:\[([\da-f:.]+)\]|([\w.-]+?)\.?)(?::\d*)?$/i.exec(host);
  return (found?.[1] ?? found?.[2])?.toLowerCase();
}

function foreignHost(host: string): BusError {
  const shown = /^[\w.:[\]-]{1,255}$/.test(host) ? host : 'that name';
  return new BusError(
    'PERMISSION_DENIED',
    `this server listens for its own machine only, and answers no web page that calls it ${shown}: any site could let its name lead here. ` +
      'Use localhost or an address; or name the origin in --cors-origins; or listen for others too, with --insecure-listen',
    { metadata: { field: 'host' } },
  );
}
