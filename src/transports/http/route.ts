import type { Exchange } from './exchange.js';
import { type JsonObject, type QueryOf, type QueryParameters, readQuery } from './query.js';

/** What the documents say of a route (OpenAPI 3.1). Problems are added to every route by who makes the document. */
export interface Operation {
  /** In camel case, unique. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: 'publish' | 'subscribe' | 'explore' | 'operate';
  /** Of the path, by name. */
  readonly params?: Readonly<Record<string, string>>;
  /** Headers that mean something, by name: what they do. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By media type. */
  readonly body?: Readonly<Record<string, JsonObject>>;
  /** By status: an OpenAPI Response Object. */
  readonly responses: Readonly<Record<string, JsonObject>>;
}

/**
 * A plain route: the one source of what is served and of what the documents say about it. A GET is served to HEAD too; OPTIONS, and 405 for other
 * methods, come by themselves. What `handle` throws is answered as problem details, unless the answer has begun.
 */
export interface Route<Q extends QueryParameters = QueryParameters> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/v1/topics/{topic}/events`. */
  readonly path: string;
  readonly operation: Operation;
  readonly query: Q;
  handle(exchange: Exchange, query: QueryOf<Q>): Promise<void> | void;
}

/** A route whose query's types are known to itself alone. */
export interface AnyRoute extends Omit<Route, 'handle'> {
  serve(exchange: Exchange, query: URLSearchParams): Promise<void> | void;
}

/** Ties a route's handler to its query. */
export function route<const Q extends QueryParameters>(declared: Route<Q>): AnyRoute {
  return { ...declared, serve: (exchange, query) => declared.handle(exchange, readQuery(declared.query, query)) };
}
