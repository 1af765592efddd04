import type { HttpRequest, HttpResponse } from './node-http.js';

/** Requests whose client waits for a word before it sends its body (`Expect: 100-continue`). */
const waiting = new WeakSet<HttpRequest>();

/** To be called for such a request before it is served. */
export function holdBody(request: HttpRequest, response: HttpResponse): void {
  waiting.add(request);
  // Refused, it may send its body or not: nobody could tell whether what comes next is a request.
  if (!('stream' in request)) response.setHeader('connection', 'close');
}

export function isHeld(request: HttpRequest): boolean {
  return waiting.has(request);
}

/** To be called by whoever is about to read a body: the client may send it now. */
export function askForBody(request: HttpRequest, response: HttpResponse): void {
  if (!waiting.delete(request)) return;
  if (!('stream' in request)) response.removeHeader('connection');
  response.writeContinue();
}
