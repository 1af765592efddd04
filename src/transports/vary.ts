import type { HttpResponse } from './node-http.js';

/** Says that an answer depends on a header of the request, beside those that it was said of already (RFC 9110, 12.5.5). Before the head is written. */
export function addVary(response: HttpResponse, header: string): void {
  const before = response.getHeader('vary');
  response.setHeader('vary', before === undefined ? header : `${before}, ${header}`);
}
