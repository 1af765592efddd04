import { BusError } from '../core/errors.js';
import type { HttpHandler, HttpRequest, HttpResponse } from './node-http.js';

/**
 * Refuses a request with more than one Host header (RFC 9112, 3.2): a proxy in front may have decided by the other one. Node keeps the first.
 * On HTTP/2 `:authority` decides, and a Host that differs is refused (RFC 9113, 8.3.1).
 *
 * @param refuse answers with the error, INVALID_REQUEST
 */
export function refuseDoubledHosts(
  handler: HttpHandler,
  refuse: (request: HttpRequest, response: HttpResponse, error: BusError) => void,
): HttpHandler {
  const { stream } = handler;
  const handle = (request: HttpRequest, response: HttpResponse) => {
    if (isDoubled(request)) refuse(request, response, doubledHost());
    else handler(request, response);
  };
  const onStream: HttpHandler['stream'] =
    stream &&
    ((http2Stream, headers, otherwise, onError) =>
      headers.host === undefined ? stream(http2Stream, headers, otherwise, onError) : otherwise());
  return Object.assign(handle, { stream: onStream });
}

function isDoubled({ headers, rawHeaders }: HttpRequest): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    // By its length first: most names are others.
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  const authority = headers[':authority'];
  return hosts > 1 || (hosts === 1 && authority !== undefined && authority !== headers.host);
}

function doubledHost(): BusError {
  return new BusError(
    'INVALID_REQUEST',
    'conflicting headers: the request names more than one host; send one Host header, or on HTTP/2 :authority alone',
    { metadata: { field: 'host' } },
  );
}
