import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';

/** A request as it comes from either version of HTTP. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
/** `write` is named apart: the two versions' overloads do not go together. */
export type HttpResponse = (Omit<ServerResponse, 'write'> | Omit<Http2ServerResponse, 'write'>) & {
  write(chunk: string | Uint8Array, callback?: (error: Error | null | undefined) => void): boolean;
  write(
    chunk: string | Uint8Array,
    encoding: BufferEncoding,
    callback?: (error: Error | null | undefined) => void,
  ): boolean;
};

/** Serves both versions; may throw before it has answered. */
export interface HttpHandler {
  (request: HttpRequest, response: HttpResponse): void;
  /** Offered every HTTP/2 request first, as a stream; those that it does not take get a request and a response. */
  readonly stream?: StreamHandler | undefined;
}

/**
 * Serves an HTTP/2 request without the compatibility layer's request and response, or calls `otherwise`, at once or later, with the stream
 * unanswered and without listeners of its own. Must not throw.
 */
export type StreamHandler = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  otherwise: () => void,
  onError: (error: Error) => void,
) => void;
