import type { ServerResponse } from 'node:http';
import type { HttpRequest } from './node-http.js';

/** How long a request may take to come in whole: a call's 16 MiB take this long at 1 Mbit/s. */
export const wholeRequestMs = 120_000;

const ownPace = new WeakSet<HttpRequest>();

/** Says that whoever reads this request, as a stream of any length, bounds its time by its progress. */
export function keepOwnPace(request: HttpRequest): void {
  ownPace.add(request);
}

/**
 * Answers 408, and cuts the connection, where a request on HTTP/1.1 is not there whole in time. Node's own bound knows no exception.
 *
 * @param underWay the answers under way on a connection, and when their requests began
 */
export function cutLateBodies(underWay: ReadonlyMap<ServerResponse, number>, now: number): void {
  for (const [response, since] of underWay) {
    const { req, socket } = response;
    if (now - since < wholeRequestMs || req.complete || ownPace.has(req)) continue;
    if (!response.headersSent) response.writeHead(408, { connection: 'close', 'content-length': 0 });
    response.end();
    socket?.destroySoon();
  }
}
