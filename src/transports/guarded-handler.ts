import { noSniff } from './no-sniff.js';
import type { HttpHandler, HttpRequest, HttpResponse } from './node-http.js';
import { discardUnread } from './unread-body.js';

/** A handler that cannot bring the process down, and leaves no request half read. */
export function guarded(
  handler: HttpHandler,
  onError: (error: Error) => void,
): (request: HttpRequest, response: HttpResponse) => void {
  return (request, response) => {
    // Writing to a connection that is gone; whoever answers learns of it by `close`.
    response.on('error', onError);
    request.on('error', onError);
    discardUnread(request, response);
    for (const [name, value] of Object.entries(noSniff)) response.setHeader(name, value);
    try {
      handler(request, response);
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
      if (response.headersSent) {
        response.destroy();
      } else {
        response.statusCode = 400;
        response.end();
      }
    }
  };
}
