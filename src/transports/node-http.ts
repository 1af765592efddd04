import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

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
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;
