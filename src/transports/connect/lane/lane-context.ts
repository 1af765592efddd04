import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Code, ConnectError, type ContextValues, createContextValues, type HandlerContext } from '@connectrpc/connect';
import type { CallForm } from './call-form.js';
import type { LaneMethod } from './lane-methods.js';

/**
 * The context of one call. Most implementations look at two of its parts, so each is made when it is first asked for: a call pays
 * for no Headers that nobody reads.
 */
export class LaneContext implements HandlerContext {
  readonly requestMethod = 'POST';
  readonly method: HandlerContext['method'];
  readonly service: HandlerContext['service'];
  readonly protocolName: CallForm['protocol'];
  /** Whether the messages are in protobuf's binary form. */
  readonly binary: boolean;
  /** What the implementation has set, if it has looked at them at all. */
  header: Headers | undefined;
  trailer: Headers | undefined;
  #abort: AbortController | undefined;
  #requestHeader: Headers | undefined;
  #values: ContextValues | undefined;

  constructor(
    { spec: { method } }: LaneMethod,
    { protocol, binary }: CallForm,
    private readonly headers: IncomingHttpHeaders,
    private readonly stream: ServerHttp2Stream,
  ) {
    this.method = method;
    this.service = method.parent;
    this.protocolName = protocol;
    this.binary = binary;
  }

  /** Aborted when the client cancels, or is gone, before the answer is made. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.stream.destroyed) this.cancelled();
    }
    return this.#abort.signal;
  }

  /** The client has cancelled, or is gone. */
  cancelled(): void {
    this.#abort?.abort(new ConnectError('the client has cancelled the call, or is gone', Code.Canceled));
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= webHeaders(this.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.header ??= new Headers();
    return this.header;
  }

  get responseTrailer(): Headers {
    this.trailer ??= new Headers();
    return this.trailer;
  }

  get values(): ContextValues {
    this.#values ??= createContextValues();
    return this.#values;
  }

  get url(): string {
    return `${this.headers[':scheme']}://${this.headers[':authority'] ?? this.headers.host}${this.headers[':path']}`;
  }

  /** Calls with a deadline are not the lane's. */
  timeoutMs(): undefined {
    return undefined;
  }
}

function webHeaders(headers: IncomingHttpHeaders): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) web.append(name, one);
  }
  return web;
}
