import type { ServerHttp2Stream } from 'node:http2';

/** What the lane had read of a body before it found that the call is not for it. */
export interface ReadAhead {
  readonly chunks: readonly Uint8Array[];
  /** Nothing more comes. */
  readonly ended: boolean;
}

/** The bodies that were begun, for the adapter that goes on with them. */
export const readAhead = new WeakMap<ServerHttp2Stream, ReadAhead>();

/** A body from its beginning: what was read, then the rest. */
export async function* wholeBody(
  stream: ServerHttp2Stream,
  { chunks, ended }: ReadAhead,
  rest: AsyncIterableIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* chunks;
  if (ended) return;
  const next = rest.next();
  // The lane had to halt the stream; whoever reads the rest now listens.
  stream.resume();
  const first = await next;
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
